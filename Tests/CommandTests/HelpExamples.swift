import Core
import Foundation
import Images
import Testing

/// The commands that the helps show, and what makes them small enough for a test.
struct HelpExample {
    /// The command's verb.
    let verb: String
    /// The line as the help has it.
    let line: String

    /// The examples of all verbs in `directions reference`, in the order in which a person comes to them: that of the
    /// reference, but that directions are imported and checked once some are packed, and generators are exported last.
    static func all(in reference: String) -> [HelpExample] {
        let found = reference.components(separatedBy: "\n## ").dropFirst().flatMap { section -> [HelpExample] in
            let verb = String(section.prefix { $0 != "\n" })
            return lines(of: section).map { HelpExample(verb: verb, line: $0) }
        }
        func rank(_ example: HelpExample) -> Int {
            if example.line.contains("--as direction") || example.verb == "verify" { return 1 }
            return example.verb == "export" ? 2 : 0
        }
        return (0...2).flatMap { wanted in found.filter { rank($0) == wanted } }
    }

    /// The lines of a help that follow `Example:`, `Examples:` or `For example:`; a line that is too long goes on in the next.
    private static func lines(of help: String) -> [String] {
        var result: [String] = []
        var (isInside, goesOn) = (false, false)
        for line in help.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("USAGE:") { break }
            if line.hasPrefix("Example: directions ") {
                result.append(String(line.dropFirst("Example: ".count)))
                goesOn = true
            } else if ["Examples:", "For example:"].contains(line) {
                isInside = true
            } else if isInside && line.hasPrefix("  directions ") {
                result.append(line.trimmingCharacters(in: .whitespaces))
                goesOn = true
            } else if goesOn && !line.isEmpty {
                result[result.count - 1] += " " + line
            } else {
                (isInside, goesOn) = (isInside && !line.isEmpty, false)
            }
        }
        return result
    }

    /// The same job on few faces: counts, ranges and budgets become small ones.
    var small: String {
        var words = line.components(separatedBy: " ")
        for (index, word) in words.enumerated().dropLast() {
            let value = words[index + 1]
            switch (word, Int(value)) {
            case ("--count", let count?): words[index + 1] = "\(min(count, verb == "sample" ? 60 : 4))"
            case ("--limit", let limit?): words[index + 1] = "\(min(limit, verb == "score" ? 60 : 3))"
            case ("--top", _?), ("--bottom", _?): words[index + 1] = "8"
            case ("--epochs", _?): words[index + 1] = "1"
            case ("--batch", _?): words[index + 1] = "8"
            case ("--seconds", _?): words[index + 1] = "1"
            case ("--seed", nil): words[index + 1] = line.contains("--hold") ? "1" : "1-2"
            // Held edits that are more than none are another test's (`RefineTests`).
            case ("--strength", _) where line.contains("--hold"): words[index + 1] = "0"
            // Attributes after the first are refined the same way; of mustaches few faces have none to fit a direction to.
            case ("--attr", _) where verb == "refine":
                words[index + 1] = value == "mustache" ? "smiling" : String(value.prefix { $0 != "," })
            case ("--strength", _) where value.hasSuffix(":0.25"):
                words[index + 1] = value.replacing(":0.25", with: ":2")
            // Nothing is fetched for an example.
            case ("--weights", _) where value == "imagenet": words[index + 1] = "none"
            default: break
            }
        }
        // Few faces have few that are certain.
        var result = words.joined(separator: " ").replacing("> 0.9", with: "> 0.1").replacing("< 0.1", with: "< 0.9")
        switch verb {
        case "refine": result += " --steps 1 --faces 10 --batch 4 --classifier faces"
        case "report": result += " --faces 2"
        case "invert" where !result.contains("--seconds"): result += " --seconds 1"
        case "colorize" where line.contains("--direction"): result += " --seconds 1"
        case "edit" where line.contains("--photo"): result += " --seconds 1"
        case "train": result += " --threads 1"
        case "evaluate-inversion": result = result.replacing("nearest,", with: "") + " --steps 2"
        default: break
        }
        return result
    }

    /// What an example asks for that no test has: weights that are downloaded by hand, a GPU.
    ///
    /// Such a command has to end with a message that names one of them.
    var absent: [String] {
        if ["train-encoder", "train-consultation", "train-colorizer"].contains(verb) { return ["ffhq", "checkpoint"] }
        return ["resnext50_32x4d.safetensors", "ffhq/train", "psp-gs"].filter(
            line.contains)
            + (line.contains("--device cuda") ? ["CUDA"] : [])
    }
}

/// Makes the files that examples name.
struct ExampleFiles {
    /// The folder that the examples run in.
    let folder: String
    /// Runs a line of a shell in it.
    let run: (String) throws -> Program.Result

    /// Makes what a command names and what is not there yet.
    func provide(for line: String) throws {
        for word in line.components(separatedBy: " ") where !exists(word) {
            switch word {
            case "stylegan2-ffhq-config-f.pkl":
                try link(Program.root + "/Tests/Fixtures/stylegan2/ada-skip.pkl", word)
            case "smile.npy":
                try link("workspace/packs/boundaries-npy", made: "pack --name boundaries --format npy", word)
            case "faces.zip":
                try made("pack --name faces --zip --no-previews")
                try link("workspace/packs/faces.zip", word)
            case "celeba": try celebA()
            case "img_align_celeba/00000*.jpg":
                try celebA()
                try link("celeba/img_align_celeba", "img_align_celeba")
            case "party.jpg", "grandmother.jpg": try made("synth --seed 3 --size 512 --out \(word)")
            case "album", "test", "train", "ffhq": try made("synth --seed 4-5 --size 256 --frames \(word)")
            case "face.png", "me.png": try made("synth --seed 3 --size 256 --out \(word)")
            case "me.jpg":
                try made("synth --seed 3 --size 256 --out me.jpg")
                try made("invert me.jpg --aligned --seconds 1")
            case "photographs": try made("synth --seed 4-5 --size 256 --frames photographs")
            case "edited.npy": try made("edit --direction smiling --seed 3 --strength 1 --codes-out edited.npy")
            case _ where word.hasPrefix("shards/"): try shard(word)
            case _ where word.hasPrefix("Pipelines/"): try link(Program.root + "/Pipelines", "Pipelines")
            default: break
            }
        }
    }

    private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder + "/" + name) }

    private func made(_ line: String) throws {
        let result = try run("directions " + line)
        try #require(result.status == 0, "\(line): \(result.errors)")
    }

    private func link(_ target: String, _ name: String) throws {
        if exists(name) { return }
        try FileManager.default.createSymbolicLink(atPath: folder + "/" + name, withDestinationPath: target)
    }

    /// A link to the boundary of smiling that a command leaves in a folder.
    private func link(_ place: String, made line: String, _ name: String) throws {
        try made(line)
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(place)")
        try link("\(place)/\(try #require(names.sorted().first { $0.contains("smiling") }))", name)
    }

    /// A part of a sample set in a workspace of its own, `shards/0/latents.sqlite`.
    private func shard(_ database: String) throws {
        let place = (database as NSString).deletingLastPathComponent
        try AtomicFile.makeFolder(folder + "/" + place)
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder)/\(place)/models", withDestinationPath: folder + "/workspace/models")
        let number = (place as NSString).lastPathComponent
        try made("sample --count 8 --seed 5 --shard \(number)/2 --workspace \(place)")
    }

    /// A folder in CelebA's layout with plain pictures, every second of them light and smiling.
    private func celebA() throws {
        if exists("celeba") { return }
        let count = 20
        var labels = "\(count)\n" + Attribute.celebA.map(\.name).joined(separator: " ") + "\n"
        var parts = ""
        for index in 0..<count {
            let name = String(format: "%06d.jpg", index + 1)
            let light: UInt8 = index % 2 == 0 ? 220 : 60
            try Image(width: 178, height: 218, fill: (light, light, 90)).write(
                to: "\(folder)/celeba/img_align_celeba/\(name)")
            let row = Attribute.celebA.indices.map { ($0 + index) % 2 == 0 ? "1" : "-1" }
            labels += "\(name) \(row.joined(separator: " "))\n"
            parts += "\(name) \(index < 12 ? 0 : index < 16 ? 1 : 2)\n"
        }
        try AtomicFile.write(labels, to: folder + "/celeba/list_attr_celeba.txt")
        try AtomicFile.write(parts, to: folder + "/celeba/list_eval_partition.txt")
    }
}

/// A folder to work in, with the wheel where a repository has it.
final class ExamplePlace {
    let folder = Program.Folder()

    init() throws {
        try AtomicFile.makeFolder(folder.path + "/.cache")
        let wheel = try #require(Program.wheel)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/.cache/" + (wheel as NSString).lastPathComponent,
            withDestinationPath: wheel)
    }

    /// Runs one line of a shell in which `directions` is the program.
    func run(_ line: String) throws -> Program.Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        var environment = ProcessInfo.processInfo.environment
        environment["DIRECTIONS_WORKSPACE"] = nil
        process.environment = environment
        process.arguments = ["-c", "directions() { '\(try Program.path)' \"$@\"; }; set -e; \(line)"]
        return try Program.finish(process)
    }
}
