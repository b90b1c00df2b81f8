import Core
import Foundation
import Pipelines
import Synchronization
import Testing

@Suite struct SlurmTests {
    @Test func stagesAreSubmittedOneAfterAnotherAndRecordedAsALocalRunDoes() throws {
        let fixture = try SlurmFixture()
        let summary = try fixture.run()
        #expect(summary.ran.map(\.stage) == ["drawn", "scored", "chosen"])
        let words = fixture.cluster.submissions
        #expect(
            words.map { fixture.value("job-name", of: $0) } == [
                "drawn", "drawn-merge", "scored", "scored-merge", "chosen",
            ])
        #expect(words.map { fixture.value("array", of: $0) } == ["0-2", nil, "0-2", nil, nil])
        #expect(words.allSatisfy { fixture.value("dependency", of: $0) == nil })
        let drawn = try #require(fixture.value("wrap", of: words[0]))
        #expect(drawn.contains("--shard $SLURM_ARRAY_TASK_ID/3"))
        #expect(drawn.contains("--workspace \(fixture.folder)/shards/$SLURM_ARRAY_TASK_ID;"))
        // Tasks that score draw what they lack first, as after a sample that ran elsewhere.
        let scored = try #require(fixture.value("wrap", of: words[2]))
        #expect(
            scored.hasPrefix(
                "/bin/directions sample --count 9 --shard $SLURM_ARRAY_TASK_ID/3 --workspace \(fixture.folder)/shards/$SLURM_ARRAY_TASK_ID && /bin/directions score --workspace \(fixture.folder)/shards/$SLURM_ARRAY_TASK_ID; s=$?;"
            ))
        #expect(!FileManager.default.fileExists(atPath: fixture.folder + "/slurm/p.json"))

        #expect(try fixture.run().ran.isEmpty)
        #expect(fixture.cluster.submissions.count == 5)
        #expect(try fixture.runHere().ran.isEmpty)
    }

    @Test func tasksShareTheModelsByALinkThatLeadsThere() throws {
        let fixture = try SlurmFixture()
        try AtomicFile.write("weights", to: fixture.folder + "/models/default/model.json")
        // What an older version left: a link that is relative to the wrong folder.
        try AtomicFile.makeFolder(fixture.folder + "/shards/1")
        symlink("workspace/models", fixture.folder + "/shards/1/models")
        _ = try fixture.run()
        for task in 0..<3 {
            let model = "\(fixture.folder)/shards/\(task)/models/default/model.json"
            #expect(try AtomicFile.read(model) == Data("weights".utf8))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.folder + "/models") == ["default"])
    }

    @Test func relativeWorkspacesAreAbsoluteForTheNodes() throws {
        let text = "stages:\n  drawn: { run: sample, slurm: { tasks: 2 } }\n"
        let lines = Mutex<[String]>([])
        let runner = SlurmRunner(
            path: "p.yaml", pipeline: try PipelineFile.parse(text, name: "p.yaml", workspace: Workspace("workspace")),
            workspace: Workspace("workspace"), program: "/bin/directions", settings: .init(),
            slurm: SlurmCommands { _ in throw Failure("sbatch", "must not be called") }, answer: { _ in "" },
            tell: { line in lines.withLock { $0.append(line) } }, progress: { _ in })
        try runner.show()
        let folder = FileManager.default.currentDirectoryPath
        let shown = lines.withLock { $0 }.joined(separator: "\n")
        #expect(shown.contains("--workspace \(folder)/workspace/shards/$SLURM_ARRAY_TASK_ID;"))
        #expect(shown.contains("--chdir=\(folder)") && shown.contains("--dependency=afterok:<drawn>"))
    }

    @Test(arguments: [SlurmFixture.End.exit(137), .ended("CANCELLED"), .ended("NODE_FAIL"), .forgotten])
    func aKilledTaskIsSubmittedAgainAlone(end: SlurmFixture.End) throws {
        let fixture = try SlurmFixture()
        fixture.cluster.script = { name, task, attempt in name == "scored" && task == 1 && attempt == 1 ? end : .exit(0)
        }
        #expect(try fixture.run().ran.count == 3)
        let again = fixture.cluster.submissions.filter { fixture.value("job-name", of: $0) == "scored" }
        #expect(again.map { fixture.value("array", of: $0) } == ["0-2", "1"])
        #expect(fixture.told.contains { $0.hasPrefix("stage scored, task 1, was killed") })
    }

    @Test func aTaskThatIsAlwaysKilledIsSubmittedABoundedNumberOfTimes() throws {
        let fixture = try SlurmFixture()
        fixture.cluster.script = { name, _, _ in name == "chosen" ? .ended("OUT_OF_MEMORY") : .exit(0) }
        var settings = fixture.settings
        settings.resources.retries = 3
        #expect {
            try fixture.run(settings: settings)
        } throws: { "\($0)".contains("stage chosen was killed 4 times, at last out_of_memory") }
        #expect(fixture.count("chosen") == 4)
    }

    @Test func aFailedTaskFailsTheRunOnceTheOthersHaveEndedAndTheNextRunGoesOn() throws {
        let fixture = try SlurmFixture()
        fixture.cluster.script = { name, task, _ in name == "scored" && task == 2 ? .exit(1) : .exit(0) }
        #expect {
            try fixture.run()
        } throws: { "\($0)".contains("stage scored, task 2, ended with status 1") }
        #expect(fixture.count("scored") == 1 && fixture.count("chosen") == 0)
        fixture.cluster.script = { _, _, _ in .exit(0) }
        #expect(try fixture.run().ran.map(\.stage) == ["scored", "chosen"])
        #expect(fixture.told.contains { $0.hasPrefix("the last run failed: stage scored") })
        #expect(fixture.count("drawn") == 1)
    }

    @Test func aDetachedRunIsFoundByTheNext() throws {
        let fixture = try SlurmFixture()
        fixture.cluster.isBusy = true
        var settings = fixture.settings
        settings.isDetached = true
        _ = try fixture.run(settings: settings)
        #expect(fixture.cluster.submissions.map { fixture.value("job-name", of: $0) } == ["drawn", "p-next"])
        #expect(fixture.value("dependency", of: fixture.cluster.submissions[1]) == "afterany:1")
        _ = try fixture.run(settings: settings)
        #expect(fixture.cluster.submissions.count == 2)
        fixture.cluster.isBusy = false
        _ = try fixture.run()
        #expect(fixture.count("drawn") == 1 && fixture.count("chosen") == 1)
        // The job that goes on finds nothing left to do, and begins nothing.
        settings.isContinuation = true
        #expect(try fixture.run(settings: settings).ran.isEmpty)
        #expect(fixture.cluster.submissions.count == 6)
    }

    @Test func aSubmissionWhoseNumberWasLostIsFoundByItsMark() throws {
        let fixture = try SlurmFixture()
        fixture.cluster.isBusy = true
        var settings = fixture.settings
        settings.isDetached = true
        _ = try fixture.run(settings: settings)
        let path = fixture.folder + "/slurm/p.json"
        let text = String(decoding: try AtomicFile.read(path), as: UTF8.self)
        try AtomicFile.write(text.replacing(/,\s*"number" : "1"/, with: ""), to: path)
        fixture.cluster.isBusy = false
        _ = try fixture.run()
        #expect(fixture.count("drawn") == 1)
    }

    @Test func aQueueThatDoesNotAnswerForAWhileIsWaitedFor() throws {
        let fixture = try SlurmFixture()
        fixture.cluster.silentCalls = 5
        #expect(try fixture.run().ran.count == 3)
        fixture.cluster.silentCalls = 1000
        #expect {
            try fixture.run(forced: ["chosen"])
        } throws: { "\($0)".contains("squeue: timed out") }
    }

    @Test func cancelEndsWhatIsQueued() throws {
        let fixture = try SlurmFixture()
        fixture.cluster.isBusy = true
        var settings = fixture.settings
        settings.isDetached = true
        _ = try fixture.run(settings: settings)
        #expect {
            try SlurmRunner.requireNothingQueued(path: fixture.folder + "/p.yaml", workspace: Workspace(fixture.folder))
        } throws: { "\($0)".contains("has jobs on Slurm: drawn") }
        #expect(try fixture.runner(settings).cancel() == ["1", "2"])
        try SlurmRunner.requireNothingQueued(path: fixture.folder + "/p.yaml", workspace: Workspace(fixture.folder))
        #expect(fixture.cluster.cancelled == ["1", "2"])
        #expect(try fixture.runner(settings).cancel().isEmpty)
    }

    @Test func aStageWithoutItsOutputFails() throws {
        let fixture = try SlurmFixture()
        fixture.cluster.leavesOutputs = false
        #expect {
            try fixture.run()
        } throws: { "\($0)".contains("chosen, which ran but did not leave it") }
    }

    @Test func flagsComeBeforeTheStageAndTheStageBeforeTheFile() throws {
        let fixture = try SlurmFixture()
        var settings = fixture.settings
        settings.resources.time = "5"
        settings.resources.options = ["--nice=3"]
        _ = try fixture.run(settings: settings)
        let (first, last) = (fixture.cluster.submissions[0], try #require(fixture.cluster.submissions.last))
        for (words, memory) in [(first, "1G"), (last, "2G")] {
            #expect(fixture.value("partition", of: words) == "short" && fixture.value("time", of: words) == "5")
            #expect(fixture.value("mem", of: words) == memory && fixture.value("account", of: words) == "lab")
            #expect(words.contains("--nice=3"))
        }
    }

    @Test(arguments: [
        ("slurm: { time: soon }\nstages:\n  a: { run: x }\n", "p.yaml:1: `time` cannot be `soon`"),
        ("stages:\n  a: { run: sample, slurm: { memory: lots } }\n", "p.yaml:2: `memory` cannot be `lots`"),
        ("stages:\n  a: { run: sample, slurm: { tasks: 0 } }\n", "`tasks` must be 1 to 10000"),
        ("stages:\n  a: { run: fit, slurm: { tasks: 2 } }\n", "only sample and score can be divided"),
        (
            "stages:\n  a: { run: sample }\n  b: { run: score, after: a, slurm: { tasks: 2 } }\n",
            "comes after a, which has 1"
        ),
        ("stages:\n  a: { run: sample, with: { shard: 1/3 } }\n", "`shard` must be 0/ and the number of tasks"),
        ("stages:\n  a: { run: sample, slurm: { options: [\"--array=3\"] } }\n", "this program sets --array itself"),
        ("stages:\n  a: { run: sample, slurm: { options: [-n3] } }\n", "write long options"),
        ("stages:\n  a: { run: sample, slurm: { queue: x } }\n", "`slurm` has no `queue`"),
    ])
    func mistakesAreToldWithTheirLine(text: String, expected: String) {
        #expect {
            try PipelineFile.parse(text, name: "p.yaml", workspace: Workspace("w"))
        } throws: { "\($0)".contains(expected) }
    }

    @Test func aLocalRunOfADividedStageDoesTheWhole() throws {
        let text = "stages:\n  a: { run: sample, with: { count: 4, shard: 0/2 } }\n"
        let stage = try PipelineFile.parse(text, name: "p.yaml", workspace: Workspace("w")).stages[0]
        #expect(stage.arguments == ["sample", "--count", "4"] && stage.tasks == 2)
    }
}
