import Core
import Synchronization

/// Works through items in batches that the device's memory can hold: one that runs out is done again in halves, and the
/// smaller size is kept for those that follow.
///
/// For example:
///
/// ```swift
/// let fitting = BatchFitting(most: 32)
/// try fitting.run(count: codes.count) { range in images += try synthesize(codes.slice(range)) }
/// ```
public final class BatchFitting: Sendable {
    private let size: Mutex<Int>

    /// - Parameter most: Items in the first batch tried.
    public init(most: Int) { size = Mutex(max(1, most)) }

    /// Items in the next batch.
    public var current: Int { size.withLock { $0 } }

    /// Calls `body` with one range after another; a range whose call ran out of memory comes again, shorter.
    ///
    /// - Throws: What `body` throws, except running out of memory with more than one item.
    public func run(count: Int, _ body: (Range<Int>) throws -> Void) throws {
        var start = 0
        while start < count {
            let end = min(count, start + current)
            do {
                try body(start..<end)
                start = end
            } catch let failure as Failure where failure.kind == .outOfMemory && end - start > 1 {
                size.withLock { $0 = max(1, min($0, (end - start) / 2)) }
            }
        }
    }
}
