import Foundation

/// How far a piece of work has come.
public struct ProgressUpdate: Sendable, Equatable {
    /// Tells this piece of work from others of the process.
    public let id: UUID
    /// What is being done, such as `sample`.
    public let label: String
    /// What is counted, in the plural, such as `latents`.
    public let unit: String
    /// How many there are in all.
    public let total: Int
    /// How many are done, those before this run included.
    public let done: Int
    /// How many are done a second, those before this run left out.
    public let rate: Double
    /// Seconds since the work began, until all were done.
    public let elapsed: Double
    /// A short text beside the figures, such as a loss; empty for none.
    public let note: String
    /// Whether this is the last update of this piece of work.
    public let isLast: Bool

    /// The share that is done, 0 to 1.
    public var fraction: Double { total > 0 ? min(1, Double(done) / Double(total)) : 1 }
    /// Seconds that are left at the present rate; infinite while nothing is done.
    public var remaining: Double { rate > 0 ? Double(total - done) / rate : .infinity }
}

/// Counts units of work and tells a ``RunContext``'s listener.
///
/// Safe to use from several threads.
public final class ProgressReporter: @unchecked Sendable {
    private let lock = NSLock()
    private let id = UUID()
    private let label: String
    private let unit: String
    private let total: Int
    private let offset: Int
    private let handler: (@Sendable (ProgressUpdate) -> Void)?
    private let start = Date()
    private var done: Int
    /// When all were done; what comes after is no part of the rate.
    private var completed: Date?
    private var note = ""

    init(
        _ label: String, unit: String, total: Int, done: Int, handler: (@Sendable (ProgressUpdate) -> Void)?
    ) {
        self.label = label
        self.unit = unit
        self.total = total
        self.done = done
        offset = done
        self.handler = handler
    }

    /// Counts `count` more as done.
    ///
    /// - Parameters:
    ///   - count: Units that were finished.
    ///   - note: A short text for the end of the line, such as a loss.
    public func advance(_ count: Int, note: String? = nil) {
        guard let handler else { return }
        lock.withLock {
            done += count
            if let note { self.note = note }
            if done >= total && completed == nil { completed = Date() }
            handler(update(isLast: false))
        }
    }

    /// Tells the last state.
    public func finish() {
        guard let handler else { return }
        lock.withLock { handler(update(isLast: true)) }
    }

    private func update(isLast: Bool) -> ProgressUpdate {
        let elapsed = max((completed ?? Date()).timeIntervalSince(start), 1e-6)
        return ProgressUpdate(
            id: id, label: label, unit: unit, total: total, done: done, rate: Double(done - offset) / elapsed,
            elapsed: elapsed, note: note, isLast: isLast)
    }

    /// `95 s`, `12 min 5 s`, `3 h 20 min`, or `?` for what is not finite.
    public static func format(seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        if whole < 100 { return "\(whole) s" }
        if whole < 6000 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
}
