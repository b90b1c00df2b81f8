import Core
import Tensors
import Testing

@Suite struct BatchFittingTests {
    @Test func aBatchThatDoesNotFitIsHalved() throws {
        let fitting = BatchFitting(most: 64)
        var done: [Int] = []
        var tries = 0
        try fitting.run(count: 100) { range in
            tries += 1
            if range.count > 20 {
                throw Failure("libtorch", "CUDA out of memory. Tried to allocate 2 GiB", kind: .outOfMemory)
            }
            done += range
        }
        #expect(done == Array(0..<100))
        #expect(fitting.current == 16 && tries == 2 + 7)
        try fitting.run(count: 0) { _ in Issue.record("there is nothing to do") }
    }

    @Test func oneItemThatDoesNotFitIsAFailureAndSoIsAnythingElse() {
        let fitting = BatchFitting(most: 4)
        #expect(throws: Failure("libtorch", "out of memory", kind: .outOfMemory)) {
            try fitting.run(count: 3) { _ in throw Failure("libtorch", "out of memory", kind: .outOfMemory) }
        }
        #expect(throws: Failure("codes", "are cut short")) {
            try fitting.run(count: 3) { _ in throw Failure("codes", "are cut short") }
        }
    }
}
