import ArgumentParser
import Core
import Directions

/// What edits leave as it was; `edit` and `evaluate` take it.
package struct HoldOptions: ParsableArguments {
    package init() {}

    @Option(
        help: ArgumentHelp(
            "Find for each face, in a few steps from the plain edit, one that leaves as they were: others (all other attributes), some of them such as male,young, or person; the person and the picture around are held too.",
            valueName: "what"))
    package var hold: String?

    @Option(
        help: "The classifiers that see to --hold, separated by commas: files, names in the workspace, or shipped ones."
    )
    package var holdClassifier = RefineRequest.classifiers.joined(separator: ",")

    /// What was asked for; nil for plain edits.
    ///
    /// - Throws: `Failure` (usage) for a text that names nothing.
    package var request: HoldRequest? {
        get throws {
            try hold.map {
                HoldRequest(try .init($0), classifiers: holdClassifier.split(separator: ",").map(String.init))
            }
        }
    }

    /// Checks what can be held.
    ///
    /// - Parameter isPlain: Whether the faces are single pictures that the generator made up.
    /// - Throws: `Failure` (usage) for films and photographs.
    package func validate(isPlain: Bool) throws {
        guard try request == nil || isPlain else {
            throw Failure(
                "--hold", "is for faces of seeds, latents and codes",
                "edit photographs and make films without it", kind: .usage)
        }
    }
}
