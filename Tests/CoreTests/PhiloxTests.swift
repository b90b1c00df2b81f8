import Testing

import Core

@Suite struct PhiloxTests {
    /// The known answers for philox4x32-10 in Random123's kat_vectors.
    @Test(
        arguments: [
            ([0, 0, 0, 0], [0, 0], [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
            (
                [0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], [0xFFFF_FFFF, 0xFFFF_FFFF],
                [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]
            ),
            (
                [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], [0xA409_3822, 0x299F_31D0],
                [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
            ),
        ] as [([UInt32], [UInt32], [UInt32])])
    func knownAnswers(counter: [UInt32], key: [UInt32], expected: [UInt32]) {
        let out = Philox.block(counter: Philox.Block(counter), key: SIMD2(key))
        #expect((0..<4).map { out[$0] } == expected)
    }

    @Test func latentsDoNotDependOnTheirBatch() {
        let noise = LatentNoise(seed: 7)
        let batch = noise.rows(416_900..<417_100)
        let alone = noise.rows(417_003..<417_004)
        #expect(Array(batch[103 * 512..<104 * 512]) == alone)
    }

    @Test func latentsAreStandardNormal() {
        let values = LatentNoise(seed: 1).rows(0..<2000)
        let count = Double(values.count)
        let mean = values.reduce(0.0) { $0 + Double($1) } / count
        let variance = values.reduce(0.0) { $0 + Double($1) * Double($1) } / count
        let fourth = values.reduce(0.0) { $0 + Double($1) * Double($1) * Double($1) * Double($1) } / count
        #expect(abs(mean) < 4 / count.squareRoot())
        #expect(abs(variance - 1) < 4 * (2 / count).squareRoot())
        #expect(abs(fourth - 3) < 4 * (96 / count).squareRoot())
        #expect(values.allSatisfy { $0.isFinite })
    }

    @Test func seedsDiffer() {
        #expect(LatentNoise(seed: 1).rows(0..<1) != LatentNoise(seed: 2).rows(0..<1))
        #expect(LatentNoise(seed: 1).rows(0..<1) != LatentNoise(seed: 1 << 32 | 1).rows(0..<1))
    }
}
