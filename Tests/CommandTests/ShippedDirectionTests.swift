import Classifiers
import Core
import DirectionFiles
import Foundation
import Testing

/// Directions that come with the program, for who has none of their own yet.
struct ShippedDirectionTests {
    @Test func theEightAreThereAndSayWhereTheyComeFrom() throws {
        #expect(ShippedDirections.attributes == Attribute.defaults.map(\.slug).sorted())
        let path: String = try #require(AttributeClassifier.shippedPath(named: "resnext"))
        let judge = try Hashing.sha256(file: path)
        for name in ShippedDirections.attributes {
            let file = try #require(try ShippedDirections.direction(name))
            #expect(file.label == "\(name)@v0" && file.rows == 18 && file.size == 512)
            let refinement = try #require(file.metadata.refinement)
            // The one that judges took no part.
            #expect(!refinement.classifiers.isEmpty && !refinement.classifiers.contains(judge))
        }
        #expect(try ShippedDirections.direction("young") == nil)
    }

    @Test func ownDirectionsComeFirst() throws {
        let folder = Program.Folder()
        let library = DirectionLibrary(folder.path, hasShipped: true)
        let shipped = try library.load("smiling")
        #expect(shipped.label == "smiling@v0")
        #expect(try library.metricsData(of: shipped) != nil)
        var foreign = shipped
        foreign.sigma *= 2
        #expect(try library.metricsData(of: foreign) == nil)
        let generator = try #require(shipped.metadata.generator?.sha256)
        #expect(try library.of(generator: generator, name: "default").load("smiling") == shipped)
        // Another generator has none, and neither has a library that asks for its own.
        #expect(throws: Failure.self) { try library.of(generator: "0", name: "other").load("smiling") }
        #expect(throws: Failure.self) { try DirectionLibrary(folder.path).load("smiling") }
        var own = shipped
        own.metadata.inputs = nil
        let stored = try library.add(own)
        #expect(stored.direction.label == "smiling@v1" && stored.isNew)
        #expect(try library.load("smiling").label == "smiling@v1")
        #expect(try library.load("smiling@v0") == shipped && library.load("smiling@v1") == stored.direction)
        // All that are there of one's own stay one's own.
        #expect(try library.newest().map(\.label) == ["smiling@v1"])
    }

    @Test(.enabled(if: Program.wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
    func aNewWorkspaceEditsAtOnce() throws {
        let folder = try Program.imported()
        func run(_ line: String) throws -> Program.Result {
            try Program.run(line.split(separator: " ").map(String.init), workspace: folder.path)
        }
        let edited = try run(
            "edit --direction smiling,bald@v0 --strength 0,2 --unit sigma --seed 1 --size 64 --out \(folder.path)/e.png"
        )
        #expect(edited.status == 0, "\(edited.errors)")
        #expect(try run("show").output.contains("smiling  v0\n"))
        #expect(try run("show smiling").output.contains("fresh faces"))
        // They are of W+, and the folder is no place for them: a fit wants its own, and measurements stay in the program.
        let fitted = try run("fit --attr young --condition-on smiling")
        #expect(fitted.status != 0 && fitted.errors.contains("directions fit --attr smiling"), "\(fitted.errors)")
        let packed = try run("pack --name mine --direction smiling --no-previews")
        #expect(packed.status == 0, "\(packed.errors)")
        #expect(try run("verify mine smiling").output.contains("mine: ok"))
        let brought = try run("import \(folder.path)/packs/mine --as direction")
        #expect(brought.output.contains("smiling@v1"), "\(brought.errors)")
    }
}
