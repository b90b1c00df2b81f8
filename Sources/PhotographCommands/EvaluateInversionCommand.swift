import ArgumentParser
import CommandSupport
import Core
import Directions

/// `directions evaluate-inversion`: the table of ways to find codes.
struct EvaluateInversionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate-inversion",
        abstract: "Measure ways to find the codes of photographs.",
        discussion: """
            Every method looks for the codes of the photographs of FOLDER, aligned faces; what its faces lack is measured at 256 pixels: \
            L2 of RGB in [-1, 1], LPIPS (AlexNet), the cosine of face embeddings, and seconds a photograph. Embeddings are SFace's, which is \
            in no loss (`directions import sface`); without it dlib's, which optimise has in its loss. With --grey methods see the \
            photographs without colours, and are compared in colour all the same. Published figures stand below as context. \
            The table is kept for `directions report`. What searches found is kept too: after Ctrl-C --resume goes on.

            Methods: mean (the mean face for all), nearest (the nearest of 20,000 random faces), encoder (with another row where it has a \
            consultation, whose faces have the photographs' details), encoder+optimise, optimise, tune (the \
            generator's weights too, after a search as optimise makes it).

            For example:
              directions evaluate-inversion test --count 200 --methods mean,nearest,encoder
              directions evaluate-inversion test --grey --methods mean,encoder --json
            """)

    @Argument(help: "A folder of aligned photographs.") var folder: String
    @Option(help: "At most so many, the first by name (default: all).") var count: Int?
    @Option(help: "Rows, separated by commas.") var methods = "mean,nearest,encoder,encoder+optimise,optimise"
    @Flag(help: "Show methods the photographs without their colours.") var grey = false
    @Option(help: "Seconds at most for each photograph of encoder+optimise.") var seconds = 20.0
    @Option(help: "Seconds at most for each photograph of optimise.") var optimiseSeconds = 40.0
    @Option(help: "Seconds at most for each photograph of tune, after its search.") var tuneSeconds = 240.0
    @Option(help: "Steps at most of all three, in place of seconds.") var steps: Int?
    @Flag(help: "Go on with an evaluation that was stopped: what searches found then is taken as it is.")
    var resume = false
    @Option(help: "The encoder, by its name in the workspace or its file (default: the generator's).") var encoder:
        String?
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    private func request() throws -> EvaluateInversionRequest {
        let known = InvertRequest.Method.allCases
        var request = EvaluateInversionRequest(folder, count: count)
        request.methods = try methods.split(separator: ",").map { name in
            guard let method = known.first(where: { $0.rawValue == name }) else {
                throw Failure(
                    "method \(name)", "is not known", "name some of \(known.map(\.rawValue).joined(separator: ", "))",
                    kind: .usage)
            }
            return method
        }
        request.isGrey = grey
        request.refinement = InversionBudget(steps: steps, seconds: steps == nil ? seconds : nil)
        request.search = InversionBudget(steps: steps, seconds: steps == nil ? optimiseSeconds : nil)
        request.tuning = InversionBudget(steps: steps, seconds: steps == nil ? tuneSeconds : nil)
        request.encoder = encoder
        request.resumes = resume
        request.generator = generator
        return request
    }

    func validate() throws { try request().validate() }

    func run() throws {
        let table = try workspace.session.evaluateInversion(request())
        if json { return try printJSON(table) }
        print("\(table.count) photographs of \(folder)\(grey ? ", grey" : "")\n")
        print(table.markdown)
    }
}
