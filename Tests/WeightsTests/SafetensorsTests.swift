import Core
import Foundation
import Testing
import Weights

@Suite struct SafetensorsTests {
    static func sample() throws -> SafetensorsFile {
        SafetensorsFile(
            tensors: [
                "b": TensorData([1, 2, 3, 4, 5, 6], shape: [2, 3]), "a": try TensorData([0.5, -1], shape: [2]).half(),
                "empty": TensorData([], shape: [0, 4]), "scalar": TensorData([7], shape: []),
            ], metadata: ["format": "test", "quote": "a \"b\" ü"])
    }

    /// A file with this header text and so many bytes of tensors.
    static func file(_ header: String, bytes: Int) -> Data {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
            + Data(count: bytes)
    }

    @Test func whatIsWrittenIsRead() throws {
        let file = try SafetensorsTests.sample()
        let data = try file.encoded()
        #expect(try SafetensorsFile.decode(data, name: "x") == file)
        #expect(try file.encoded() == data)
        let length = data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        #expect(length % 8 == 0)
    }

    @Test func everyTruncationIsAnError() throws {
        let data = try SafetensorsTests.sample().encoded()
        for length in 0..<data.count {
            #expect(throws: Failure.self, "\(length)") { try SafetensorsFile.decode(data.prefix(length), name: "cut") }
        }
    }

    @Test(arguments: [
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
            12
        ),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 12),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0),
        (#"{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807]}}"#, 8),
        (#"{"a":{"dtype":"Q9","shape":[2],"data_offsets":[0,8]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8), (#"{"a":7}"#, 0), ("[1]", 0), ("{", 0),
        (#"{"__metadata__":{"a":1}}"#, 0),
    ])
    func hostileHeadersAreRefused(header: String, bytes: Int) {
        #expect {
            try SafetensorsFile.decode(SafetensorsTests.file(header, bytes: bytes), name: "evil.safetensors")
        } throws: { "\($0)".hasPrefix("evil.safetensors") || "\($0)".hasPrefix("array") }
    }

    @Test func aHugeHeaderLengthAllocatesNothing() {
        let data = Data(repeating: 0xFF, count: 64)
        #expect(throws: Failure.self) { try SafetensorsFile.decode(data, name: "evil") }
    }
}

@Suite struct TensorDataTests {
    @Test func halvesRoundLikeIEEE754() {
        for bits in UInt16.min...UInt16.max {
            let value = Half.float(fromHalf: bits)
            if value.isNaN { continue }
            #expect(Half.half(from: value) == bits)
        }
        #expect(Half.half(from: 65519.99) == 0x7BFF)
        #expect(Half.half(from: 65520) == 0x7C00)
        #expect(Half.half(from: 1 + 0x1p-11) == 0x3C00)
        #expect(Half.half(from: 1 + 0x1.8p-10) == 0x3C02)
        #expect(Half.half(from: 0x1p-25) == 0)
        #expect(Half.half(from: 0x1.1p-25) == 1)
        #expect(Half.float(fromHalf: Half.half(from: .nan)).isNaN)
    }

    @Test func everyNumberTypeBecomesFloat() throws {
        func tensor<T>(_ values: [T], _ type: ElementType) throws -> [Float] {
            try TensorData(shape: [values.count], type: type, bytes: values.withUnsafeBytes { Data($0) }).floats()
        }
        #expect(try tensor([1.5, -2] as [Double], .float64) == [1.5, -2])
        #expect(try tensor([-7, 9] as [Int64], .int64) == [-7, 9])
        #expect(try tensor([-7, 9] as [Int16], .int16) == [-7, 9])
        #expect(try tensor([200, 9] as [UInt8], .uint8) == [200, 9])
        #expect(try tensor([0x3F80, 0xC000] as [UInt16], .bfloat16) == [1, -2])
        #expect(throws: Failure.self) { try tensor([1] as [UInt8], .bool) }
    }
}
