import ArgumentParser
import CommandSupport
import Core
import Directions
import DirectionFitting
import Foundation

/// `directions fit`: a selection becomes a direction file.
struct FitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit",
        abstract: "Fit a linear boundary to a selection; its unit normal becomes the next version of the direction.",
        discussion: """
            The solver is that of scikit-learn's SVC(kernel="linear") (L1 hinge, free intercept), stopped on a certified \
            duality gap. The same inputs make no new version.

            `directions refine` goes on from such a direction to one of W+ that changes the other attributes less: minutes for \
            each attribute, where the SVM takes a second.

            For example:
              directions fit --attr eyeglasses,smiling,male
              directions fit --attr eyeglasses --condition-on male
            """)

    /// The solvers, and the former name of `refine`.
    enum Solver: String, ExpressibleByArgument, CaseIterable {
        case svm, logistic, lda, ridge, joint, local
    }

    /// The latent spaces that directions are fitted in.
    enum Space: String, ExpressibleByArgument, CaseIterable { case w }

    @Option(name: .customLong("attr"), help: "Attributes, separated by commas, or all (default: the paper's eight).")
    var attributes: String?

    @Option(help: "Project these directions out, separated by commas, such as male,age@v2.") var conditionOn: String?

    @Option(
        help: """
            The SVM's or the logistic regression's C: a number, or auto for five-fold cross-validation; of joint, what its \
            penalty is multiplied by.
            """)
    var c = "1.0"

    @Option(
        help: """
            svm, logistic, lda (Ledoit-Wolf shrinkage), ridge (on the logits of all scored latents), joint (ridge on all \
            attributes at once: move the own logit, hold the others), or local (the former name of `directions refine`, whose \
            options it takes).
            """)
    var solver: Solver = .svm

    @Option(help: "The latent space; directions are fitted in w.") var space: Space = .w
    @Option(help: "Names the 70/30 split into training and validation.") var splitSeed: UInt64 = 0
    @OptionGroup(visibility: .hidden) var refinement: RefineOptions
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    private var wanted: AttributeChoice { get throws { try attributes.map { try AttributeChoice($0) } ?? .standard } }

    private var request: FitRequest {
        get throws {
            FitRequest(
                attributes: try wanted, solver: FitSolver(rawValue: solver.rawValue) ?? .svm,
                regularisation: try regularisation,
                conditions: (conditionOn ?? "").split(separator: ",").map(String.init),
                splitSeed: splitSeed, generator: generator)
        }
    }

    /// C, or nil for cross-validation.
    private var regularisation: Double? {
        get throws {
            if c == "auto" { return nil }
            guard let value = Double(c), value.isFinite, value > 0 else {
                throw Failure("--c \(c)", "is not a positive number", "for example 1.0, or auto", kind: .usage)
            }
            return value
        }
    }

    func validate() throws {
        guard solver == .local else {
            if let name = refinement.given {
                throw Failure("--\(name)", "is an option of `directions refine`", "leave it out", kind: .usage)
            }
            return try request.validate()
        }
        guard conditionOn == nil else {
            throw Failure("--condition-on", "is not for --solver local", "leave it out", kind: .usage)
        }
        try refinement.request(wanted, generator: generator).validate()
    }

    func run() throws {
        if solver == .local {
            Terminal.write("fit: --solver local is `directions refine`\n")
            return try refinement.refine(wanted, generator: generator, workspace: workspace, json: json)
        }
        let result = try workspace.session.fit(request) { if !json { FitCommand.show($0) } }
        if json { return try printJSON(result.directions) }
        if solver == .svm && conditionOn == nil {
            let more = "`directions refine` goes on to directions that change the other attributes less"
            Terminal.write("fit: \(more) (minutes for each)\n")
        }
    }

    private static func show(_ result: FittedDirection) {
        let rest = result.restAccuracy.map { String(format: ", all others %.1f %%", 100 * $0) } ?? ""
        let figures = String(
            format: "train %.1f %%, held out %.1f %%%@; sigma %.3f", 100 * (result.trainAccuracy ?? 0),
            100 * (result.validationAccuracy ?? 0), rest, result.sigma)
        print("\(result.direction): \(figures)  \(result.path)\(result.isNew ? "" : " (unchanged)")")
    }
}
