import Core
import Foundation
import Pipelines
import Testing

/// A pipeline of three stages in a temporary folder whose "verbs" write files.
final class PipelineFixture {
    let folder: String
    var ran: [String] = []
    var failing: Set<String> = []
    var sqlAnswer: String? = "1"

    init() throws {
        folder = NSTemporaryDirectory() + "pipeline-\(UUID().uuidString)"
        try AtomicFile.makeFolder(folder)
        try AtomicFile.write("in", to: folder + "/input")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func text(count: Int = 3, last: String = "show") -> String {
        """
        name: test
        stages:
          third: { run: \(last), after: [second], outputs: ["{workspace}/third"] }
          first:
            run: sample
            with: { count: \(count), quiet: true }
            inputs: ["{workspace}/input"]
            outputs: ["{workspace}/first", { sql: "SELECT count(*) FROM latents" }]
          second: { run: score, after: first, outputs: ["{workspace}/second"] }
          aside: { run: status }
        """
    }

    func run(_ text: String, dryRun: Bool = false, forced: Set<String> = []) throws -> PipelineRunner.Summary {
        ran = []
        let pipeline = try PipelineFile.parse(text, name: "p.yaml", workspace: Workspace(folder))
        let runner = PipelineRunner(
            path: folder + "/p.yaml", pipeline: pipeline,
            answer: { _ in
                guard let answer = self.sqlAnswer else { throw Failure("database", "is missing") }
                return answer
            },
            execute: { stage in
                if self.failing.contains(stage.name) { throw Failure(stage.name, "failed") }
                self.ran.append(stage.name)
                if stage.name != "aside" {
                    try AtomicFile.write(stage.arguments.joined(separator: " "), to: "\(self.folder)/\(stage.name)")
                }
            }, tell: { _ in })
        return try runner.run(dryRun: dryRun, forced: forced)
    }
}

@Suite struct PipelineTests {
    @Test func stagesRunInOrderOnceAndNeverAgain() throws {
        let fixture = try PipelineFixture()
        let first = try fixture.run(fixture.text())
        #expect(fixture.ran == ["first", "second", "third", "aside"])
        #expect(first.ran.allSatisfy { $0.reason == "has not run" })
        let second = try fixture.run(fixture.text())
        #expect(fixture.ran.isEmpty && second.ran.isEmpty && second.skipped.count == 4)
    }

    @Test func aChangedParameterRedoesItsStageAndThoseAfterIt() throws {
        let fixture = try PipelineFixture()
        _ = try fixture.run(fixture.text())
        let summary = try fixture.run(fixture.text(count: 4))
        #expect(fixture.ran == ["first", "second", "third"])
        #expect(summary.ran[0].reason == "was `sample --count 3 --quiet`, is `sample --count 4 --quiet`")
        #expect(summary.ran[1].reason == "first runs again")
        _ = try fixture.run(fixture.text(count: 4, last: "diff"))
        #expect(fixture.ran == ["third"])
    }

    @Test func aChangedInputAMissingOutputAndAChangedAnswerAreNoticed() throws {
        let fixture = try PipelineFixture()
        _ = try fixture.run(fixture.text())
        try AtomicFile.write("other", to: fixture.folder + "/input")
        #expect(try fixture.run(fixture.text()).ran[0].reason.contains("input \(fixture.folder)/input changed"))
        try FileManager.default.removeItem(atPath: fixture.folder + "/second")
        let missing = try fixture.run(fixture.text())
        #expect(fixture.ran == ["second", "third"])
        #expect(missing.ran[0].reason == "output \(fixture.folder)/second is missing")
        fixture.sqlAnswer = "2"
        #expect(try fixture.run(fixture.text()).ran[0].reason == "output SELECT count(*) FROM latents changed")
    }

    @Test func aFailedRunGoesOnWhereItStopped() throws {
        let fixture = try PipelineFixture()
        fixture.failing = ["second"]
        #expect(throws: Failure.self) { try fixture.run(fixture.text()) }
        #expect(fixture.ran == ["first"])
        fixture.failing = []
        _ = try fixture.run(fixture.text())
        #expect(fixture.ran == ["second", "third", "aside"])
    }

    @Test func stagesAfterARedoneOneRunEvenWhenTheRunWasCutBetweenThem() throws {
        let fixture = try PipelineFixture()
        _ = try fixture.run(fixture.text())
        fixture.failing = ["second"]
        #expect(throws: Failure.self) { try fixture.run(fixture.text(count: 9)) }
        fixture.failing = []
        _ = try fixture.run(fixture.text(count: 9))
        #expect(fixture.ran == ["second", "third"])
    }

    @Test func dryRunsAndForcedStages() throws {
        let fixture = try PipelineFixture()
        #expect(try fixture.run(fixture.text(), dryRun: true).ran.count == 4)
        #expect(fixture.ran.isEmpty)
        _ = try fixture.run(fixture.text())
        _ = try fixture.run(fixture.text(), forced: ["second"])
        #expect(fixture.ran == ["second", "third"])
        #expect(throws: Failure.self) { try fixture.run(fixture.text(), forced: ["secnd"]) }
    }

    @Test func anOutputThatWasNotLeftIsAFailure() throws {
        let fixture = try PipelineFixture()
        let text = "stages:\n  only: { run: status, outputs: [nowhere] }\n"
        #expect {
            try fixture.run(text)
        } throws: { "\($0)".contains("nowhere: is an output of stage only") }
    }

    @Test(arguments: [
        ("stages:\n  a: { run: x\n", "p.yaml:3"), ("stages:\n  a:\n    runn: x\n", "p.yaml:3: a stage has no `runn`"),
        ("stages:\n  a: { run: x, after: b }\n", "p.yaml:2: stage a comes after b"),
        ("stages:\n  a: { run: x, after: b }\n  b: { run: x, after: a }\n", "in a circle: a, b"),
        ("name: x\n", "p.yaml:1: has no `stages`"), ("", "p.yaml: is empty"),
        ("stages:\n  a: { with: { b: 1 } }\n", "p.yaml:2: stage a has no `run`"),
    ])
    func mistakesAreToldWithTheirLine(text: String, expected: String) {
        #expect {
            try PipelineFile.parse(text, name: "p.yaml", workspace: Workspace("w"))
        } throws: { "\($0)".contains(expected) }
    }

    @Test(arguments: ["nonsense: [", "version: 2\nstages: {}\n", "[]", "version: 1\nstages: 7\n"])
    func aCorruptLockIsTold(text: String) throws {
        let fixture = try PipelineFixture()
        try AtomicFile.write(text, to: fixture.folder + "/p.lock")
        #expect {
            try fixture.run(fixture.text())
        } throws: { "\($0)".contains("p.lock") && "\($0)".contains("delete it") }
        #expect(fixture.ran.isEmpty)
    }

    @Test func equalStatesAreEqualBytes() throws {
        let fixture = try PipelineFixture()
        _ = try fixture.run(fixture.text())
        let path = fixture.folder + "/p.lock"
        let bytes = try AtomicFile.read(path)
        try LockFile.read(path).write(to: path)
        #expect(try AtomicFile.read(path) == bytes)
    }
}
