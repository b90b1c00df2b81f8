import Foundation
import Synchronization

/// What a run hands to the work that it starts: whether to stop, and whom to tell of progress.
///
/// Nothing below the command line prints, and nothing asks a process-wide flag: whoever starts a piece of work passes a
/// context, and may run several at once. For example:
///
/// ```swift
/// let context = RunContext(isCancelled: { task.isCancelled }, progress: { bar.show($0.fraction) })
/// try LatentSampler(generator: generator, store: store, context: context).sample(request)
/// ```
public struct RunContext: Sendable {
    /// No progress, no notices, never cancelled.
    public static let silent = RunContext()

    private let cancelled: @Sendable () -> Bool
    private var onProgress: (@Sendable (ProgressUpdate) -> Void)?
    private let onNotice: (@Sendable (String) -> Void)?
    private let remembered = Remembered()

    /// - Parameters:
    ///   - isCancelled: Asked between units of work, from any thread.
    ///   - notice: Told one line that a person should see, such as a file that was left out.
    ///   - progress: Told how far the work has come, from any thread and often.
    public init(
        isCancelled: @escaping @Sendable () -> Bool = { false }, notice: (@Sendable (String) -> Void)? = nil,
        progress: (@Sendable (ProgressUpdate) -> Void)? = nil
    ) {
        cancelled = isCancelled
        onNotice = notice
        onProgress = progress
    }

    /// True once a stop was asked for.
    public var isCancelled: Bool { cancelled() }

    /// Ends the work once a stop was asked for.
    ///
    /// - Throws: ``Failure`` (cancelled); what was finished before is saved, and the same call goes on from there.
    public func check() throws {
        if isCancelled {
            throw Failure(
                "stopped", "on request; what was finished is saved", "run the same command again to go on",
                kind: .cancelled)
        }
    }

    /// Tells a person one line.
    public func notice(_ text: String) { onNotice?(text) }

    /// Whether a run asks for something the first time: what a person need be told but once.
    ///
    /// - Parameter subject: What it is about.
    /// - Returns: True the first time, false from then on.
    public func isFirst(_ subject: String) -> Bool {
        remembered.subjects.withLock { $0.insert(subject).inserted }
    }

    /// A counter of units of work whose state is told as it advances.
    ///
    /// - Parameters:
    ///   - label: What is being done, such as `sample`.
    ///   - unit: What is counted, in the plural, such as `latents`.
    ///   - total: How many there are in all.
    ///   - done: How many were done before this run; left out of the rate.
    ///   - isShown: Whether anybody is told at all.
    /// - Returns: The counter.
    public func progress(
        _ label: String, unit: String, total: Int, done: Int = 0, isShown: Bool = true
    ) -> ProgressReporter {
        ProgressReporter(label, unit: unit, total: total, done: done, handler: isShown ? onProgress : nil)
    }

    /// The same run without progress: for work inside of work that tells its own.
    public var quiet: RunContext {
        var result = self
        result.onProgress = nil
        return result
    }

    /// What ``isFirst(_:)`` was asked, by all copies of a context.
    private final class Remembered: Sendable {
        let subjects = Mutex<Set<String>>([])
    }
}
