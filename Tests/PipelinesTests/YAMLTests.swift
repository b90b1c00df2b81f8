import Core
import Foundation
import Pipelines
import Testing

@Suite struct YAMLTests {
    private func parse(_ text: String) throws -> PipelineFile {
        try PipelineFile.parse(text, name: "p.yaml", workspace: Workspace("w"))
    }

    @Test func allStylesOfScalarsAndAliasesAreRead() throws {
        let text = """
            # a comment
            name: &title "caf\\u00e9 \\t1"
            stages:
              'a b':
                run: >
                  sample
                  again
                with: { count: 4, attr: [x, 'y: z', *title], empty: , "quoted": 'it''s' }
                outputs: &o [one, {sql: "SELECT 1"}]
              b:
                run: score
                outputs: *o
            """
        let pipeline = try parse(text)
        #expect(pipeline.name == "café \t1" && pipeline.stages.map(\.name) == ["a b", "b"])
        let first = pipeline.stages[0]
        #expect(
            first.arguments == [
                "sample", "again\n", "--attr", "x,y: z,café \t1", "--count", "4", "--empty", "", "--quoted", "it's",
            ])
        #expect(first.outputs == [.path("one"), .sql("SELECT 1")] && pipeline.stages[1].outputs == first.outputs)
        #expect(first.line == 4 && pipeline.stages[1].line == 10)
    }

    @Test(arguments: [
        ("stages:\n  a: { run: x }\n  a: { run: y }\n", "p.yaml:3: names a twice"),
        ("stages:\n  a: { run: x, run: y }\n", "p.yaml:2: names run twice"),
        ("stages: *nothing\n", "p.yaml:1:9: is not valid YAML: found undefined alias"),
        ("stages: &a [*a]\n", "within itself"), ("stages: &a {b: *a}\n", "within itself"),
        ("name: x\n---\nname: y\n", "p.yaml:3: begins a second YAML document"),
        ("stages:\n\ta: x\n", "p.yaml:2:1: is not valid YAML"), ("name: \"x\n", "is not valid YAML"),
        ("# nothing\n", "p.yaml: is empty"), ("just words\n", "p.yaml:1: the pipeline must be"),
        (String(repeating: "[", count: 5_000), "is not valid YAML"),
        (String(repeating: "[", count: 300) + String(repeating: "]", count: 300), "nests deeper"),
    ])
    func whatIsNoPipelineIsToldWithItsPlace(text: String, expected: String) {
        #expect { try parse(text) } throws: { "\($0)".contains(expected) }
    }

    /// A thousand million values by thirty aliases: what an alias names is made once.
    @Test func aliasesOfAliasesTakeNoTime() throws {
        var text = "a0: &a0 [x]\n"
        for level in 1...30 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect { try parse(text) } throws: { "\($0)".contains("the pipeline has no `a0`") }
    }

    @Test func aLockKeepsEveryText() throws {
        let texts = [
            "", " ", "plain", "/a/b c.npy", "true", "No", "~", "null", "12", "1_000", "0x1F", "12:30", "1e3", ".5",
            ".inf", "2026-01-01",
            "- a", "a: b", "a #b", "#", "it's", "\"quoted\"", "back\\slash", "line\nline", "tab\t", "café", "😀", "{a}",
            "[a]",
            "*a", "&a", "!a", "%a", "@a", "`a", "...", "---", "ends ", "ends:",
            "SELECT count(*) FROM latents WHERE id > 3", "\u{7f}", "\u{85}",
        ]
        let path = NSTemporaryDirectory() + "lock-\(UUID().uuidString).lock"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var lock = LockFile()
        for (number, text) in texts.enumerated() {
            lock.stages["stage \(number)"] = LockFile.Entry(
                command: text, fingerprint: "12e45", inputs: [text: text],
                outputs: number % 2 == 0 ? [:] : ["x": text])
        }
        lock.stages["yes"] = LockFile.Entry(command: "", fingerprint: "", inputs: [:], outputs: [:])
        try lock.write(to: path)
        #expect(try LockFile.read(path) == lock)
    }

    /// As versions before wrote it.
    @Test func anOlderLockIsRead() throws {
        let path = NSTemporaryDirectory() + "lock-\(UUID().uuidString).lock"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try AtomicFile.write(
            """
            # Written by `directions run`.
            stages:
              generator:
                command: import default
                fingerprint: '1234'
                inputs: {}
                outputs:
                  w/models/default/model.json: 0a1b
                  SELECT count(*) FROM latents: "caf\\xE9"
            version: 1

            """, to: path)
        let entry = LockFile.Entry(
            command: "import default", fingerprint: "1234", inputs: [:],
            outputs: ["w/models/default/model.json": "0a1b", "SELECT count(*) FROM latents": "café"])
        #expect(try LockFile.read(path).stages == ["generator": entry])
    }
}
