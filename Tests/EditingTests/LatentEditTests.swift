import Core
import Editing
import Testing

@Suite struct LatentEditTests {
    let axis = EditDirection(label: "axis", values: [1, 0, 0, 0], sigma: 2)

    @Test func wCodesMoveAlongTheDirection() throws {
        let edit = LatentEdit([.init(axis, strength: 3)])
        let moved = try edit.apply(to: [1, 2, 3, 4, 5, 6, 7, 8], rows: 1, size: 4, layerCount: 3)
        #expect(moved.rows == 1 && moved.codes == [4, 2, 3, 4, 8, 6, 7, 8])
    }

    @Test func sigmaIsTheNaturalStep() throws {
        let edit = LatentEdit([.init(axis, strength: -1.5)], unit: .sigma)
        #expect(try edit.apply(to: [0, 0, 0, 0], rows: 1, size: 4, layerCount: 3).codes == [-3, 0, 0, 0])
    }

    @Test func directionsAdd() throws {
        let other = EditDirection(label: "other", values: [0, 1, 0, 0])
        let edit = LatentEdit([.init(axis, strength: 1), .init(other, strength: -2)])
        #expect(try edit.apply(to: [0, 0, 0, 0], rows: 1, size: 4, layerCount: 3).codes == [1, -2, 0, 0])
    }

    @Test func aLayerRangeTurnsWIntoWPlusAndLeavesTheOtherRows() throws {
        let edit = LatentEdit([.init(axis, strength: 1)], layers: try LayerRange("1-2", rows: 4))
        let moved = try edit.apply(to: [5, 5, 5, 5], rows: 1, size: 4, layerCount: 4)
        #expect(moved.rows == 4)
        #expect(moved.codes == [5, 5, 5, 5, 6, 5, 5, 5, 6, 5, 5, 5, 5, 5, 5, 5])
    }

    @Test func aDirectionPerLayerUsesItsOwnRows() throws {
        let direction = EditDirection(label: "pose", values: [1, 0, 0, 0, 0, 1, 0, 0], rows: 2)
        let moved = try LatentEdit([.init(direction, strength: 1)]).apply(
            to: [0, 0, 0, 0], rows: 1, size: 4, layerCount: 9)
        #expect(moved.rows == 2 && moved.codes == [1, 0, 0, 0, 0, 1, 0, 0])
        #expect(throws: Failure.self) {
            try LatentEdit([.init(direction, strength: 1)]).apply(
                to: [Float](repeating: 0, count: 12), rows: 3, size: 4, layerCount: 9)
        }
    }

    @Test func aDirectionOfAnotherSizeIsNamed() {
        #expect {
            try LatentEdit([.init(axis, strength: 1)]).apply(to: [0, 0], rows: 1, size: 2, layerCount: 1)
        } throws: { "\($0)".hasPrefix("axis: has 4 components") }
    }

    @Test func zeroStrengthChangesNothing() throws {
        let codes = (0..<8).map(Float.init)
        #expect(
            try LatentEdit([.init(axis, strength: 0)]).apply(to: codes, rows: 1, size: 4, layerCount: 2).codes == codes)
    }

    @Test(arguments: ["8", "3-2", "a", "-1", "0-8", "1-2-3", ""]) func badLayersAreUsageErrors(text: String) {
        #expect {
            try LayerRange(text, rows: 8)
        } throws: { ($0 as? Failure)?.kind == .usage }
    }

    @Test func layersParse() throws {
        #expect(try LayerRange("0-7", rows: 18).last == 7)
        #expect(try LayerRange("8-", rows: 18).last == 17)
        #expect(try LayerRange("4", rows: 18) == LayerRange("4-4", rows: 18))
    }
}
