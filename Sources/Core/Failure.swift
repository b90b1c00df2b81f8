/// An error that a person can act on: what it concerns, what is wrong with it, and what to do.
///
/// For example:
///
/// ```swift
/// throw Failure("weights.safetensors", "is cut short: header says 8,404,992 bytes, file has 4,096", "download it again")
/// ```
///
/// Every module throws this type for anything that a file, a value or the machine can cause, so that a command can
/// print it as one line. Programming mistakes are preconditions, not failures.
public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What sort of thing went wrong, for code that has to decide what to do next.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// A request that makes no sense as it was put; the command line exits with status 64.
        case usage
        /// A file, a name or a record that is not there.
        case notFound
        /// Content that can't be used: cut short, of another kind, inconsistent.
        case damaged
        /// Two things that don't go together, such as a direction and a generator, or a name that is taken.
        case conflict
        /// Memory that ran out, the machine's or a device's.
        case outOfMemory
        /// A stop that was asked for.
        case cancelled
        /// The system refused to read or write.
        case inputOutput
    }

    /// The file or value at fault, as the user named it.
    public var subject: String
    /// What is wrong with the subject, as the rest of a sentence that begins with it.
    public var problem: String
    /// What to do about it, in the imperative; empty when nothing sensible can be said.
    public var advice: String
    /// What sort of thing went wrong.
    public var kind: Kind

    /// - Parameters:
    ///   - subject: The file or value at fault.
    ///   - problem: What is wrong with it.
    ///   - advice: What to do about it.
    ///   - kind: What sort of thing went wrong.
    public init(_ subject: String, _ problem: String, _ advice: String = "", kind: Kind = .damaged) {
        self.subject = subject
        self.problem = problem
        self.advice = advice
        self.kind = kind
    }

    /// One line: `subject: problem; advice`.
    public var description: String {
        advice.isEmpty ? "\(subject): \(problem)" : "\(subject): \(problem); \(advice)"
    }
}
