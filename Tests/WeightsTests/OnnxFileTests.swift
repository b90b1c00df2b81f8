import Core
import Foundation
import Testing
import Weights

/// Weights in ONNX's format, written here by hand.
@Suite struct OnnxFileTests {
    /// A field with a length.
    private static func field(_ number: UInt8, _ bytes: Data) -> Data {
        Data([number << 3 | 2, UInt8(bytes.count)]) + bytes
    }

    /// A field with a whole number.
    private static func field(_ number: UInt8, _ value: UInt8) -> Data { Data([number << 3, value]) }

    private static func tensor(_ name: String, _ shape: [UInt8], type: UInt8, _ bytes: Data) -> Data {
        let sizes = shape.reduce(Data()) { $0 + field(1, $1) }
        return field(5, sizes + field(2, type) + field(8, Data(name.utf8)) + field(9, bytes))
    }

    private static func floats(_ values: [Float]) -> Data { values.withUnsafeBytes { Data($0) } }

    /// Two rows of five int8, in blocks of `block`, with a scale and a zero for each of `blocks` a row.
    private static func file(block: UInt8, blocks: UInt8) -> Data {
        let values = Data([1, 2, 3, 4, 5, 255, 254, 253, 252, 251])
        let count = 2 * Int(blocks)
        let node =
            field(1, Data("q".utf8)) + field(1, Data("s".utf8)) + field(1, Data("z".utf8)) + field(2, Data("w".utf8))
            + field(4, Data("DequantizeLinear".utf8))
            + field(5, field(1, Data("axis".utf8)) + field(3, 1))
            + field(5, field(1, Data("block_size".utf8)) + field(3, block))
        return field(
            7,
            tensor("q", [2, 5], type: 3, values)
                + tensor("s", [2, blocks], type: 1, floats((0..<count).map { Float($0 + 1) }))
                + tensor("z", [2, blocks], type: 3, Data((0..<count).map { UInt8($0) })) + field(1, node))
    }

    @Test func blocksOfInt8HaveTheirOwnZerosAndScales() throws {
        let file = try OnnxFile(Self.file(block: 3, blocks: 2), name: "x")
        let array = try #require(file.tensors["w"])
        #expect(array.shape == [2, 5])
        // (q − z) · s: rows 1…5 and −1…−5, scales 1, 2 and 3, 4, zeros 0, 1 and 2, 3.
        #expect(try array.floats() == [1, 2, 3, 6, 8, -9, -12, -15, -28, -32])
        #expect(file.tensors["q"] == nil)
        #expect(try file.convolutions().isEmpty)
    }

    @Test func blocksThatDoNotFitAreRefused() {
        for (block, blocks) in [(2, 2), (0, 2), (5, 2), (3, 1)] as [(UInt8, UInt8)] {
            #expect(throws: Failure.self) { try OnnxFile(Self.file(block: block, blocks: blocks), name: "x") }
        }
    }
}
