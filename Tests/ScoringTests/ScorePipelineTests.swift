import Core
import Foundation
import Scoring
import Synchronization
import Testing

@Suite struct ScorePipelineTests {
    /// A pipeline over the numbers 0..<count: pictures are squares, scores their negatives.
    private func pipeline(
        _ count: Int, failAt: String = "", store: @escaping (Int, Int) throws -> Void
    ) -> ScorePipeline<Int, Int, Int> {
        let next = Mutex(0)
        return ScorePipeline(
            fetch: {
                next.withLock { value in
                    defer { value += 1 }
                    return value < count ? value : nil
                }
            },
            synthesize: {
                if failAt == "synthesize" && $0 == 5 { throw Failure("five", "cannot be drawn") }
                return $0 * $0
            },
            score: {
                if failAt == "score" && $0 == 5 { throw Failure("five", "cannot be scored") }
                return -$1
            }, store: store)
    }

    @Test func everyBatchIsStoredOnceInOrder() throws {
        var stored: [Int] = []
        try pipeline(200) { batch, score in
            #expect(score == -batch * batch)
            stored.append(batch)
        }.run()
        #expect(stored == Array(0..<200))
    }

    @Test(arguments: ["synthesize", "score"]) func anErrorOfAStageEndsTheRunAndKeepsWhatWasStored(stage: String) {
        var stored: [Int] = []
        #expect(throws: Failure.self) { try pipeline(200, failAt: stage) { batch, _ in stored.append(batch) }.run() }
        #expect(stored == Array(0..<stored.count) && stored.count <= 5)
    }

    @Test func anErrorOfTheStoreEndsTheRun() {
        #expect(throws: Failure.self) {
            try pipeline(200) { batch, _ in if batch == 3 { throw Failure("disk", "is full") } }.run()
        }
    }
}
