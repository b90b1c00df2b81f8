import ArgumentParser
import CommandSupport
import Directions

/// How trainings on photographs run; shared by the verbs that train on some.
struct TrainingRunOptions: ParsableArguments {
    @Option(help: "A folder of aligned photographs to choose by.") var validation: [String] = []
    @Option(help: "What may be done with the weights.") var licence = "that of the pictures that it was trained on"
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @Option(help: "Threads that compute (default: all processors).") var threads: Int?
    @Flag(help: "Go on with the run of this name.") var resume = false
    @OptionGroup var device: DeviceOption

    /// Writes them into a request's.
    ///
    /// - Parameters:
    ///   - run: What is changed.
    ///   - validationCount: Validation photographs at most.
    /// - Throws: `Failure` (usage) for a device that there is not.
    func apply(to run: inout TrainingRun, validationCount: Int) throws {
        (run.validation, run.validationCount) = (validation, validationCount)
        (run.licence, run.generator) = (licence, generator)
        (run.threads, run.device, run.resumes) = (threads, try device.value, resume)
    }

    /// Prints what was trained, and its figures.
    ///
    /// - Parameters:
    ///   - title: What it is.
    ///   - training: Of its card: how it was trained.
    ///   - figures: Of its card.
    static func printSummary(_ title: String, training: [String: String], figures: [String: Double]) {
        print("\(title): \(training["steps"] ?? "") steps")
        for (name, value) in figures.sorted(by: { $0.key < $1.key }) {
            print("  \(name) \(value.formatted(.number.precision(.fractionLength(4))))")
        }
    }
}
