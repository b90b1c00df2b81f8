import Latents
import Testing

struct DistinctCodesTests {
    @Test func repeatedCodesAreOne() throws {
        let codes = try LatentCodes([1, 2, 3, 4, 1, 2, 1, 3, 3, 4, 1, 2], rows: 1, size: 2)
        let distinct = try DistinctCodes(codes)
        #expect(distinct.codes.values == [1, 2, 3, 4, 1, 3])
        #expect(distinct.indices == [0, 1, 0, 2, 1, 0])
    }

    @Test func codesOfSeveralRowsAreOneOnlyAsAWhole() throws {
        let codes = try LatentCodes([1, 2, 3, 4, 1, 2, 5, 6, 1, 2, 3, 4], rows: 2, size: 2)
        let distinct = try DistinctCodes(codes)
        #expect(distinct.codes.count == 2 && distinct.codes.rows == 2)
        #expect(distinct.indices == [0, 1, 0])
    }
}
