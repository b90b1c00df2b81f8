import Images
import Inversion
import Testing

struct EditRegionTests {
    private static let side = 64

    /// A disc of parts around a place, and a whisper of them everywhere else.
    private static let region: EditRegion = {
        var parts = [Float](repeating: 0.01, count: side * side)
        for y in 0..<side {
            for x in 0..<side where (x - 40) * (x - 40) + (y - 24) * (y - 24) < 64 { parts[y * side + x] = 1 }
        }
        return EditRegion(parts: parts, side: side)
    }()

    @Test(arguments: [16, 64, 200]) func changesStayWhereTheLogitOwesThemItsOwn(size: Int) {
        let change = ImageBatch([Float](repeating: 0.5, count: 3 * size * size), side: size)
        let kept = Self.region.kept(of: change)
        func value(_ x: Int, _ y: Int) -> Float {
            kept.planes[2 * size * size + y * size / Self.side * size + x * size / Self.side]
        }
        #expect(abs(value(40, 24) - 0.5) < 0.01)
        #expect(value(8, 56) == 0 && value(60, 60) == 0 && value(4, 4) == 0)
        // A soft rim: neither all nor nothing.
        #expect(size < 64 || (30..<40).contains { 0.05...0.45 ~= value($0, 24) })
    }

    @Test func whereNothingSaysSomethingAllIsKept() {
        let change = ImageBatch((0..<3 * 32 * 32).map { Float($0 % 7) - 3 }, side: 32)
        let region = EditRegion(parts: [Float](repeating: 0, count: 16 * 16), side: 16)
        #expect(region.kept(of: change) == change)
    }

    /// Hair that is black already has nothing for an edit to black hair: the little that changes is no place of its own.
    @Test(arguments: [(share: Float(1), isKept: true), (share: 0.05, isKept: false)])
    func aFaceThatTheEditLeavesKeepsLittle(share: Float, isKept: Bool) {
        var parts = [Float](repeating: 0, count: Self.side * Self.side)
        for y in 16..<40 { for x in 16..<40 { parts[y * Self.side + x] = 1 } }
        let region = EditRegion(parts: parts, own: parts.map { $0 * share }, side: Self.side)
        let change = ImageBatch([Float](repeating: 1, count: 3 * Self.side * Self.side), side: Self.side)
        let middle = region.kept(of: change).planes[28 * Self.side + 28]
        #expect(isKept ? middle > 0.95 : middle < 0.75, "\(middle)")
    }

    /// Of a face that wears a hat only what lies below the eyebrows is changed.
    @Test func whatLiesAboveTheBrowsIsLeftOut() {
        let whole = EditRegion(parts: [Float](repeating: 0, count: 64 * 64), side: 64)
        let below = whole.belowBrows.weights(side: 64)
        for row in 0..<64 {
            let weights = below[row * 64..<(row + 1) * 64]
            if row < 22 { #expect(weights.allSatisfy { $0 == 0 }, "the cap, row \(row)") }
            if row > 27 { #expect(weights.allSatisfy { $0 == 1 }, "eyes and below, row \(row)") }
        }
        #expect(whole.weights(side: 64).allSatisfy { $0 == 1 })
    }
}
