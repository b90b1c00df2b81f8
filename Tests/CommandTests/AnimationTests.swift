import Core
import Foundation
import Images
import Testing
import Weights

/// `edit --animate`: films of a small generator's faces, by libwebp and by an ffmpeg that tells what it was given.
@Suite struct AnimationTests {
    private let folder = Program.Folder()

    init() throws {
        _ = try run(["import", Program.root + "/Tests/Fixtures/stylegan2/ada-skip.pkl", "--name", "own"])
        try NumpyFile.write(
            TensorData((0..<64).map { Float($0 % 5) - 2 }, shape: [1, 64]), to: folder.path + "/d.npy")
        _ = try run(["import", folder.path + "/d.npy", "--as", "direction", "--attr", "own"])
    }

    @discardableResult
    private func run(_ words: [String], status: Int32 = 0, path: String? = nil) throws -> Program.Result {
        let result = try Program.run(words, workspace: folder.path, path: path)
        #expect(result.status == status, "\(words): \(result.errors)")
        return result
    }

    private func animate(_ film: String, _ words: [String] = [], status: Int32 = 0, path: String? = nil) throws
        -> Program.Result
    {
        try run(
            ["edit", "--direction", "own", "--seed", "1,2", "--strength", "-2,0,2", "--animate", film] + words,
            status: status, path: path)
    }

    @Test func aWebPMovesThereAndBack() throws {
        let film = folder.path + "/film.webp"
        let said = try animate(film).output
        #expect(said.contains("72 pictures"))
        let data = try Data(contentsOf: URL(fileURLWithPath: film))
        // Chunks of the container: each picture stands in an ANMF, and ANIM says that it repeats for ever.
        let frames = Self.chunks(data).filter { $0.name == "ANMF" }
        #expect(frames.count > 20 && frames.count <= 72)
        let durations = frames.map { $0.data[12] + 256 * $0.data[13] }.reduce(0, +)
        #expect(abs(durations - 3000) < 45, "\(durations)")
        let loop = try #require(Self.chunks(data).first { $0.name == "ANIM" })
        #expect(loop.data[4] == 0 && loop.data[5] == 0)
        // A picture besides, from the same command.
        let out = folder.path + "/strip.png"
        _ = try animate(film, ["--out", out])
        #expect(try Image.read(out).width > 64)
    }

    private static func chunks(_ file: Data) -> [(name: String, data: [Int])] {
        let bytes = file.map(Int.init)
        var (at, found): (Int, [(String, [Int])]) = (12, [])
        while at + 8 <= bytes.count {
            let size = bytes[at + 4] + 256 * (bytes[at + 5] + 256 * (bytes[at + 6] + 256 * bytes[at + 7]))
            let name = String(decoding: bytes[at..<at + 4].map { UInt8($0) }, as: UTF8.self)
            found.append((name, Array(bytes[at + 8..<min(bytes.count, at + 8 + size)])))
            at += 8 + size + size % 2
        }
        return found
    }

    @Test func ffmpegGetsThePicturesAndItsFilmIsPutThereWhole() throws {
        let programs = folder.path + "/bin"
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        // Writes its arguments and the size of its input, or fails when told to.
        let script = """
            #!/bin/sh
            if [ -e "\(folder.path)/fail" ]; then echo "no such codec" >&2; exit 3; fi
            for last; do :; done
            echo "$*" > "$last"
            while [ "$1" != "-i" ]; do shift; done
            wc -c < "$2" >> "$last"
            """
        try AtomicFile.write(script, to: programs + "/ffmpeg")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: programs + "/ffmpeg")
        for name in ["film.mp4", "film.gif"] {
            let film = folder.path + "/" + name
            let said = try animate(film, path: programs).output
            let words = try String(contentsOfFile: film, encoding: .utf8).split(separator: "\n")
            let size = try #require(said.firstMatch(of: /72 pictures, (\d+) x (\d+) pixels/))
            let bytes = try 72 * 3 * #require(Int(size.1)) * #require(Int(size.2))
            #expect(words[0].contains("-pix_fmt rgb24 -s \(size.1)x\(size.2) -r 24") && words[1] == "\(bytes)")
            #expect(words[0].contains(name == "film.gif" ? "paletteuse" : "libx264"))
        }
        // Where it fails, it is said why, and no half of a film is left.
        try AtomicFile.write("", to: folder.path + "/fail")
        let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        let failed = try animate(folder.path + "/other.mp4", status: 1, path: programs)
        #expect(failed.errors.contains("other.mp4") && failed.errors.contains("no such codec"), "\(failed.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
    }

    @Test func whatIsNoFilmIsRefusedBeforeAnythingIsMade() throws {
        #expect(try animate(folder.path + "/film.avi", status: 64).errors.contains("film.avi"))
        let same = try run(
            [
                "edit", "--direction", "own", "--seed", "1", "--strength", "1", "--animate", folder.path + "/film.webp",
            ], status: 64)
        #expect(same.errors.contains("--strength"), "\(same.errors)")
    }
}
