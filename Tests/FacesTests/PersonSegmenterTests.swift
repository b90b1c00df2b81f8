import Core
import Faces
import Foundation
import Images
import Testing
import Weights

/// A person is told from what lies behind as the published network tells it.
struct PersonSegmenterTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    @Test func theNetworkSaysWhatTheOriginalSays() throws {
        // The part of the drawn picture that Tests/Fixtures/make_person_fixture.py takes.
        let drawn = DrawnFace.picture
        var picture = Image(width: 256, height: 256, fill: (0, 0, 0))
        for y in 0..<256 {
            for x in 0..<256 {
                for c in 0..<3 {
                    picture.pixels[3 * (y * 256 + x) + c] = drawn.pixels[3 * ((2 * y + 100) * 640 + 2 * x + 64) + c]
                }
            }
        }
        let path = Self.root + "/Tests/Fixtures/detector/person.json"
        let expected = try JSONDecoder().decode([Float].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(expected.count == 32 * 32 && expected.contains { $0 > 0.9 } && expected.contains { $0 < 0.1 })
        let matte = try PersonSegmenter().matte(of: ImageBatch([picture], side: 256))
        for (i, wanted) in expected.enumerated() {
            let found = matte.planes[(8 * (i / 32) + 4) * 256 + 8 * (i % 32) + 4]
            #expect(abs(found - wanted) < 1e-3, "\(i): \(found), not \(wanted)")
        }
        // A grey picture is one whose channels are alike; another size is brought to the network's.
        let grey = try PersonSegmenter().matte(
            of: ImageBatch([Float](repeating: 0, count: 100 * 100), side: 100, channels: 1))
        #expect(grey.side == 256 && grey.planes.allSatisfy { 0...1 ~= $0 })
    }

    @Test func damagedFilesAreRefused() throws {
        let path = Self.root + "/Sources/Faces/Resources/selfie_segmentation.tflite"
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(try TFLiteFile(data, name: "whole").operations.count == 246)
        for length in [0, 1, 8, 100, 5000, 40_000] {
            #expect(throws: Failure.self) { try TFLiteFile(data.prefix(length), name: "cut") }
        }
        // Whatever the bytes are, it is read or refused.
        var random = CounterRandom(seed: 5, domain: 0x953)
        for _ in 0..<200 {
            var broken = data
            for _ in 0..<8 { broken[Int(random.next() % UInt64(data.count))] = UInt8(random.next() & 255) }
            _ = try? TFLiteFile(broken, name: "broken")
        }
        for at in stride(from: 0, to: 600, by: 3) {
            var broken = data
            for i in 0..<4 { broken[data.count - 1 - at - i] = 0xFF }
            _ = try? TFLiteFile(broken, name: "broken")
        }
    }
}
