import Foundation

/// Hands elements from one thread to another, holding at most `capacity` of them, so that memory stays flat and a fast
/// stage waits for a slow one.
///
/// A failure on either side ends both: ``fail(_:)`` makes every later ``push(_:)`` and ``pop()`` throw it.
public final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private let capacity: Int
    private var elements: [Element] = []
    private var isFinished = false
    private var failure: (any Error)?

    /// - Parameter capacity: The most elements held; at least 1.
    public init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
    }

    /// Adds an element, waiting while the queue is full.
    ///
    /// - Throws: The failure, once either side has failed.
    public func push(_ element: Element) throws {
        condition.lock()
        defer { condition.unlock() }
        while elements.count >= capacity && failure == nil { condition.wait() }
        if let failure { throw failure }
        elements.append(element)
        condition.broadcast()
    }

    /// Takes the oldest element, waiting for one; nil after ``finish()`` once all are taken.
    ///
    /// - Throws: The failure, once either side has failed.
    public func pop() throws -> Element? {
        condition.lock()
        defer { condition.unlock() }
        while elements.isEmpty && !isFinished && failure == nil { condition.wait() }
        if let failure { throw failure }
        if elements.isEmpty { return nil }
        let element = elements.removeFirst()
        condition.broadcast()
        return element
    }

    /// Says that nothing more will be pushed.
    public func finish() {
        condition.lock()
        isFinished = true
        condition.broadcast()
        condition.unlock()
    }

    /// Ends both sides with an error; the first one counts.
    public func fail(_ error: any Error) {
        condition.lock()
        if failure == nil { failure = error }
        condition.broadcast()
        condition.unlock()
    }
}
