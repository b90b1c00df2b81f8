import ArgumentParser
import Directions

/// Photographs as faces; `edit` and `synth` take them, each with a code that is looked for once.
package struct PhotographOptions: ParsableArguments {
    package init() {}

    @Option(
        help: ArgumentHelp(
            "A photograph, a folder of them, or the name of one that the database knows; may be given several times.",
            valueName: "file"))
    package var photo: [String] = []

    @Flag(help: "The photographs are squares of one face in FFHQ's frame already.") package var aligned = false

    @Option(help: "Which face of each photograph: 1 is the largest; `directions align` shows their numbers.")
    package var face = 1

    @Flag(help: "With --photo: leave out the encoder's consultation, which gives faces the photographs' details.")
    package var noConsultation = false

    @Option(help: "Seconds at most to look for each photograph's code, where the database has none.")
    package var seconds = PhotographSource.seconds

    /// The photographs that were asked for.
    package var source: PhotographSource {
        var source = PhotographSource(photo, isAligned: aligned, budget: InversionBudget(seconds: seconds))
        source.face = face
        source.isConsulted = !noConsultation
        return source
    }
}
