import ArgumentParser

/// The verbs on photographs, in the order that `directions --help` shows them in.
package enum PhotographCommands {
    package static let all: [any ParsableCommand.Type] = [
        AlignCommand.self, InvertCommand.self, ColorizeCommand.self, TrainEncoderCommand.self,
        EvaluateInversionCommand.self, TrainConsultationCommand.self, TrainColorizerCommand.self,
        EvaluateColorizationCommand.self,
    ]
    /// Verbs for whoever works on the program, which no help shows.
    package static let hidden: [any ParsableCommand.Type] = [BenchInversionCommand.self]
}
