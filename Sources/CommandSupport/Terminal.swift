import Core
import Foundation
import Synchronization

/// The person at the other end: signals in, progress and notices out on standard error.
package enum Terminal {
    private static let isStopRequested = Atomic<Bool>(false)

    /// What the command hands to the work that it starts.
    package static let context: RunContext = {
        let lines = ProgressLines()
        return RunContext(
            isCancelled: { isStopRequested.load(ordering: .relaxed) },
            notice: { write((lines.isTerminal ? "\r\u{1B}[K" : "") + FlagHints.named($0) + "\n") },
            progress: { lines.show($0) })
    }()

    /// Catches SIGINT and SIGTERM: the first asks for a clean stop, a second ends the process at once.
    package static func catchSignals() {
        // Who started the program may have held them back, as worker threads do, and the program inherits that.
        var own = sigset_t()
        sigemptyset(&own)
        for number in [SIGINT, SIGTERM] { sigaddset(&own, number) }
        pthread_sigmask(SIG_UNBLOCK, &own, nil)
        for number in [SIGINT, SIGTERM] {
            signal(number) { received in
                if Terminal.isStopRequested.exchange(true, ordering: .relaxed) { _exit(128 + received) }
            }
        }
    }

    /// Writes to standard error.
    package static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

/// Progress as text: one redrawn line with a bar, rate and time left on a terminal, a plain line every ten seconds elsewhere.
private final class ProgressLines: Sendable {
    private struct State {
        /// When a piece of work was last shown.
        var shown: [UUID: Date] = [:]
        /// Pieces of work whose line says that all is done.
        var complete: Set<UUID> = []
    }

    private let state = Mutex(State())
    let isTerminal = isatty(2) == 1

    func show(_ update: ProgressUpdate) {
        state.withLock { state in
            let isComplete = update.done >= update.total
            if update.isLast {
                if isTerminal || !state.complete.contains(update.id) { Terminal.write(line(update)) }
                if isTerminal { Terminal.write("\n") }
                state.shown[update.id] = nil
                state.complete.remove(update.id)
                return
            }
            let now = Date()
            guard now.timeIntervalSince(state.shown[update.id] ?? .distantPast) >= (isTerminal ? 0.1 : 10) else {
                return
            }
            state.shown[update.id] = now
            if isComplete { state.complete.insert(update.id) }
            Terminal.write(line(update))
        }
    }

    private func line(_ update: ProgressUpdate) -> String {
        let figures =
            "\(update.done)/\(update.total) \(update.unit) \(ProgressLines.format(rate: update.rate))/s, "
            + (update.done >= update.total
                ? "took \(ProgressReporter.format(seconds: update.elapsed))"
                : "\(ProgressReporter.format(seconds: update.remaining)) left")
            + (update.note.isEmpty ? "" : ", \(update.note)")
        if !isTerminal { return "\(update.label): \(figures)\n" }
        let filled = Int(update.fraction * 24)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 24 - filled)
        return "\r\u{1B}[K\(update.label) [\(bar)] \(Int(update.fraction * 100))% \(figures)"
    }

    private static func format(rate: Double) -> String {
        rate >= 100 ? String(Int(rate)) : String(format: rate >= 10 ? "%.1f" : "%.2f", rate)
    }
}

/// A value as JSON with sorted keys.
package func jsonText(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
}

/// Prints a value as JSON.
package func printJSON(_ value: some Encodable) throws { print(try jsonText(value), terminator: "") }
