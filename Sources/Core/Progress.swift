import Foundation

/// Tells how far a long stage has come, on standard error: one redrawn line with a bar, rate and time left on a terminal,
/// a plain line every ten seconds elsewhere.
///
/// Safe to use from several threads.
public final class ProgressReporter: @unchecked Sendable {
    private let lock = NSLock()
    private let label: String
    private let unit: String
    private let total: Int
    private let offset: Int
    private let isTerminal: Bool
    private let isQuiet: Bool
    private let start = Date()
    private var done: Int
    private var lastShown = Date.distantPast
    /// When all were done; what comes after is no part of the rate.
    private var completed: Date?
    /// Whether the line that says so is out.
    private var isComplete = false
    private var note = ""

    /// - Parameters:
    ///   - label: What is being done, such as `sample`.
    ///   - unit: What is counted, in the plural, such as `latents`.
    ///   - total: How many there are in all.
    ///   - done: How many were done before this run; left out of the rate.
    ///   - quiet: Whether to print nothing at all.
    public init(_ label: String, unit: String, total: Int, done: Int = 0, quiet: Bool = false) {
        self.label = label
        self.unit = unit
        self.total = total
        self.done = done
        offset = done
        isTerminal = isatty(2) == 1
        isQuiet = quiet
    }

    /// Counts `count` more as done.
    ///
    /// - Parameter note: A short text for the end of the line, such as a loss.
    public func advance(_ count: Int, note: String? = nil) {
        lock.withLock {
            done += count
            if let note { self.note = note }
            let now = Date()
            if done >= total && completed == nil { completed = now }
            if now.timeIntervalSince(lastShown) >= (isTerminal ? 0.1 : 10) {
                lastShown = now
                show(now)
            }
        }
    }

    /// Prints the last state and ends the line.
    public func finish() {
        lock.withLock {
            if isTerminal || !isComplete { show(completed ?? Date()) }
            if isTerminal && !isQuiet { FileHandle.standardError.write(Data("\n".utf8)) }
        }
    }

    private func show(_ now: Date) {
        if isQuiet { return }
        isComplete = done >= total
        let elapsed = max(now.timeIntervalSince(start), 1e-6)
        let rate = Double(done - offset) / elapsed
        let fraction = total > 0 ? min(1, Double(done) / Double(total)) : 1
        let left = rate > 0 ? Double(total - done) / rate : .infinity
        let figures =
            "\(done)/\(total) \(unit) \(ProgressReporter.format(rate: rate))/s, "
            + (done >= total
                ? "took \(ProgressReporter.format(seconds: elapsed))"
                : "\(ProgressReporter.format(seconds: left)) left")
            + (note.isEmpty ? "" : ", \(note)")
        var line = "\(label): \(figures)\n"
        if isTerminal {
            let filled = Int(fraction * 24)
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 24 - filled)
            line = "\r\u{1B}[K\(label) [\(bar)] \(Int(fraction * 100))% \(figures)"
        }
        FileHandle.standardError.write(Data(line.utf8))
    }

    /// `95 s`, `12 min 5 s`, `3 h 20 min`, or `?` for what is not finite.
    public static func format(seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        if whole < 100 { return "\(whole) s" }
        if whole < 6000 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    private static func format(rate: Double) -> String {
        rate >= 100 ? String(Int(rate)) : String(format: rate >= 10 ? "%.1f" : "%.2f", rate)
    }
}
