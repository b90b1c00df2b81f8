import Core
import DirectionFiles
import Editing
import Foundation
import Images
import Latents
import Testing

/// Edits with direction files from a library, against arithmetic done by hand.
@Suite struct EditPlanTests {
    /// A library with two directions of W of four components, and one of W+ with three layers.
    private final class Library {
        let folder = NSTemporaryDirectory() + "editing-\(UUID().uuidString)"
        let library: DirectionLibrary

        init() throws {
            library = DirectionLibrary(folder)
            try add("smiling", [0.6, 0.8, 0, 0], sigma: 2)
            try add("male", [0, 0, 1, 0], sigma: 0.5)
            try add("age", [0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0], rows: 3, sigma: 4)
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        private func add(_ name: String, _ values: [Float], rows: Int = 1, sigma: Float) throws {
            let file = try DirectionFile(
                attribute: name, values: values, rows: rows, intercept: 0, sigma: sigma,
                metadata: DirectionMetadata(space: rows > 1 ? .wPlus : .w))
            _ = try library.add(file)
        }

        func mixtures(_ text: String) throws -> [EditMixture] {
            try EditMixture.list(text) { try library.load($0) }
        }
    }

    private func near(_ a: [Float], _ b: [Float]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 }
    }

    @Test func aFileOfWMovesByItsSigma() throws {
        let files = try Library()
        let codes = try LatentCodes([1, 1, 1, 1, 0, 0, 0, 2], size: 4)
        let plan = EditPlan(
            codes: codes, labels: ["a", "b"], mixtures: try files.mixtures("smiling"), strengths: [0, -1.5],
            unit: .sigma, layerCount: 3)
        let edited = try plan.edited()
        // One direction: faces side by side, a row a strength. -1.5 · 2 · (0.6, 0.8) = (-1.8, -2.4).
        #expect(edited.rows == 1)
        #expect(near(edited.values, [1, 1, 1, 1, 0, 0, 0, 2, -0.8, -1.4, 1, 1, -1.8, -2.4, 0, 2]))
        #expect(plan.columnLabels == ["a", "b"] && plan.rowLabels == ["+0 sigma", "-1.5 sigma"])
    }

    @Test func mixturesAddWithTheirWeights() throws {
        let files = try Library()
        let plan = EditPlan(
            codes: try LatentCodes([0, 0, 0, 0], size: 4), labels: ["seed 1"],
            mixtures: try files.mixtures("smiling+male*-0.5,male@v1"), strengths: [10], layerCount: 3)
        // Raw: 10 · (0.6, 0.8) and 10 · -0.5 · 1; then male alone.
        #expect(near(try plan.edited().values, [6, 8, -5, 0, 0, 0, 10, 0]))
        #expect(plan.columnLabels == ["smiling+male*-0.5", "male@v1"] && plan.rowLabels == ["+10"])
    }

    @Test func aLayerRangeLeavesTheOtherRows() throws {
        let files = try Library()
        let plan = EditPlan(
            codes: try LatentCodes([1, 2, 3, 4], size: 4), labels: ["x"], mixtures: try files.mixtures("male"),
            strengths: [2], unit: .sigma, layers: try LayerSelection("1-").range(rows: 3), layerCount: 3)
        let edited = try plan.edited()
        #expect(edited.rows == 3)
        #expect(near(edited.values, [1, 2, 3, 4, 1, 2, 4, 4, 1, 2, 4, 4]))
    }

    @Test func aFileOfWPlusBesideOneOfWMakesAllWPlus() throws {
        let files = try Library()
        let codes = try LatentCodes([1, 1, 1, 1], size: 4)
        let plan = EditPlan(
            codes: codes, labels: ["x"], mixtures: try files.mixtures("age,male,age+male"), strengths: [1],
            unit: .sigma, layerCount: 3)
        let edited = try plan.edited()
        #expect(edited.rows == 3 && edited.count == 3)
        // age: 4 in the fourth, third and first component of the three rows; male: 0.5 in the third of each.
        let age: [Float] = [1, 1, 1, 5, 1, 1, 5, 1, 5, 1, 1, 1]
        let male: [Float] = [1, 1, 1.5, 1, 1, 1, 1.5, 1, 1, 1, 1.5, 1]
        let both = zip(age, male).map { $0 + $1 - 1 }
        #expect(near(edited.values, age + male + both))
        // W+ codes go through as they are.
        let again = EditPlan(
            codes: try edited.slice(0..<1), labels: ["y"], mixtures: try files.mixtures("age*-1"), strengths: [1],
            unit: .sigma, layerCount: 3)
        #expect(near(try again.edited().values, [Float](repeating: 1, count: 12)))
    }

    @Test func severalFacesAndDirectionsStandInBlocks() throws {
        let files = try Library()
        let plan = EditPlan(
            codes: try LatentCodes([0, 0, 0, 0, 5, 5, 5, 5], size: 4), labels: ["a", "b"],
            mixtures: try files.mixtures("male,smiling"), strengths: [0, 1], layerCount: 3)
        #expect(plan.rowLabels == ["a +0", "a +1", "b +0", "b +1"])
        let edited = try plan.edited()
        #expect(edited.count == 8)
        let (third, last) = (try edited.slice(2..<3).values, try edited.slice(7..<8).values)
        #expect(near(third, [0, 0, 1, 0]) && near(last, [5.6, 5.8, 5, 5]))
        let pictures = (0..<8).map { Image(width: 2, height: 2, fill: (UInt8($0), 0, 0)) }
        let grid = plan.grid(pictures)
        #expect(grid.cells.count == 4 && grid.cells[3][1] == pictures[7])
    }

    @Test(arguments: ["", ",", "smiling+", "*2", "smiling*x", "smiling*nan"]) func badMixturesAreUsageErrors(
        text: String
    ) {
        let kind: Failure.Kind? = text == "smiling+" ? nil : .usage
        do {
            try EditMixture.check(text)
            #expect(kind == nil)
        } catch { #expect((error as? Failure)?.kind == kind) }
    }

    @Test func aPathIsShownByItsLabel() throws {
        let files = try Library()
        let path = files.library.path("male", 1)
        #expect(try files.mixtures("smiling+\(path)*2")[0].label == "smiling+male@v1*2")
    }

    @Test func layersBeforeTheirNumberIsKnown() throws {
        #expect(try LayerSelection("8-").range(rows: 18) == LayerRange("8-17", rows: 18))
        #expect(try LayerSelection("4") == LayerSelection(first: 4, last: 4))
        #expect(throws: Failure.self) { try LayerSelection("4").range(rows: 4) }
        #expect(throws: Failure.self) { try LayerSelection("x") }
    }
}
