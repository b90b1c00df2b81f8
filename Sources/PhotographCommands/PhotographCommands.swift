import ArgumentParser

/// The verbs on photographs, in the order that `directions --help` shows them in.
package enum PhotographCommands {
    package static let all: [any ParsableCommand.Type] = []
}
