import Core
import Faces
import Foundation
import Images
import Testing
import Weights

struct FaceDetectorTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures").path

    private static var picture: Image { DrawnFace.picture }

    @Test func theNetworkSaysWhatTheOriginalSays() throws {
        struct Expected: Decodable {
            let score: Double
            let box: [Double]
            let points: [[Double]]
        }
        let expected = try JSONDecoder().decode(
            Expected.self, from: Data(contentsOf: URL(fileURLWithPath: Self.fixtures + "/detector/expected.json")))
        let best = try #require(try FaceDetector().candidates(in: Self.picture).first)
        #expect(abs(best.score - expected.score) < 1e-4)
        for i in 0..<4 { #expect(abs(best.box[i] - expected.box[i]) < 0.02) }
        for (point, wanted) in zip(best.points, expected.points) {
            #expect(abs(point.x - wanted[0]) < 0.02 && abs(point.y - wanted[1]) < 0.02)
        }
    }

    @Test(arguments: [0.0, 30, 38, -45, 52, -75, 90]) func turnedFacesAreFoundWhereTheyAre(_ degrees: Double) throws {
        let detector = try FaceDetector()
        let upright = try #require(detector.faces(in: Self.picture).first).landmarks.ffhqSquare
        let angle = degrees * .pi / 180
        // The picture's square, seen by a larger one turned the other way.
        let frame = PictureSquare(x: 320, y: 320, halfX: 480 * cos(angle), halfY: -480 * sin(angle))
        let turned = Self.picture.sampled(frame, size: 720)
        let found = try #require(detector.faces(in: turned).first).landmarks.ffhqSquare
        let back = frame.point(u: found.x / 720, v: found.y / 720)
        let distance = ((back.x - upright.x) * (back.x - upright.x) + (back.y - upright.y) * (back.y - upright.y))
            .squareRoot()
        #expect(distance < 0.03 * upright.side, "\(distance) pixels away")
        #expect(abs(found.side * 960 / 720 / upright.side - 1) < 0.05)
        let difference = remainder(found.angle - upright.angle - angle, 2 * .pi)
        #expect(abs(difference) < 0.06, "\(difference) radians")
    }

    @Test func aPictureWithoutAFaceHasNone() throws {
        var noise = CounterRandom(seed: 3, domain: 0x951)
        var image = Image(width: 300, height: 200, fill: (0, 0, 0))
        for i in image.pixels.indices { image.pixels[i] = UInt8(noise.next() & 255) }
        #expect(try FaceDetector().faces(in: image).isEmpty)
        #expect(try FaceDetector().faces(in: Image(width: 1, height: 1, fill: (9, 9, 9))).isEmpty)
    }

    @Test func damagedFilesOfNetworksAreRefused() throws {
        let path =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path + "/Sources/Faces/Resources/face_detection_yunet_2023mar.onnx"
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(try OnnxFile(data, name: "whole").convolutions().count == 53)
        #expect(throws: Failure.self) { try FaceEmbedder(OnnxFile(data, name: "detector"), name: "detector") }
        for length in [0, 1, 100, 5000, data.count - 1] {
            #expect(throws: Failure.self) { try OnnxFile(data.prefix(length), name: "cut") }
        }
        var random = CounterRandom(seed: 5, domain: 0x952)
        for _ in 0..<200 {
            var broken = data
            for _ in 0..<8 { broken[Int(random.next() % UInt64(data.count))] = UInt8(random.next() & 255) }
            _ = try? OnnxFile(broken, name: "broken").convolutions()
        }
    }
}
