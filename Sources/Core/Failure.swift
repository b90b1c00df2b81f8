/// An error that a person can act on: what it concerns, what is wrong with it, and what to do.
///
/// For example:
///
/// ```swift
/// throw Failure("weights.safetensors", "is cut short: header says 8,404,992 bytes, file has 4,096", "download it again")
/// ```
///
/// Every module throws this type for anything that a file, a flag or the machine can cause, so that a command can
/// print it as one line. Programming mistakes are preconditions, not failures.
public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file, flag or value at fault, as the user named it.
    public var subject: String
    /// What is wrong with the subject, as the rest of a sentence that begins with it.
    public var problem: String
    /// What to do about it, in the imperative; empty when nothing sensible can be said.
    public var advice: String
    /// True when the command line itself was wrong; the process then exits with status 64 instead of 1.
    public var isUsage: Bool

    /// - Parameters:
    ///   - subject: The file, flag or value at fault.
    ///   - problem: What is wrong with it.
    ///   - advice: What to do about it.
    ///   - isUsage: Whether the command line was at fault.
    public init(_ subject: String, _ problem: String, _ advice: String = "", isUsage: Bool = false) {
        self.subject = subject
        self.problem = problem
        self.advice = advice
        self.isUsage = isUsage
    }

    /// One line: `subject: problem; advice`.
    public var description: String {
        advice.isEmpty ? "\(subject): \(problem)" : "\(subject): \(problem); \(advice)"
    }
}
