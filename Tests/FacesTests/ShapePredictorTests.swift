import Core
import Faces
import Foundation
import Images
import Testing
import Weights

struct ShapePredictorTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/landmarks").path

    private struct Look: Decodable {
        let box: [Double]
        let points: [[Double]]
    }

    @Test func landmarksAreWhereDlibPutsThem() throws {
        let predictor = ShapePredictor(try .read(Self.folder + "/drawn.dat"))
        let looks = try JSONDecoder().decode(
            [Look].self, from: Data(contentsOf: URL(fileURLWithPath: Self.folder + "/expected.json")))
        #expect(looks.count == 6)
        let image = DrawnFace.picture.halved
        for look in looks {
            let found = predictor.landmarks(
                in: image, box: SIMD4(look.box[0], look.box[1], look.box[2], look.box[3]))
            #expect(found.count == look.points.count)
            // dlib rounds to whole pixels.
            for (point, wanted) in zip(found, look.points) {
                #expect(abs(point.x - wanted[0]) < 0.51 && abs(point.y - wanted[1]) < 0.51, "\(point) \(wanted)")
            }
        }
        #expect(predictor.ffhqSquare(in: image, near: PictureSquare(x: 160, y: 160, halfX: 160, halfY: 0)) == nil)
    }

    @Test func damagedFilesAreRefused() throws {
        let data = try AtomicFile.read(Self.folder + "/drawn.dat")
        _ = try DlibShapeFile(data, name: "whole")
        for length in [0, 1, 100, data.count / 2, data.count - 1] {
            #expect(throws: Failure.self) { try DlibShapeFile(data.prefix(length), name: "short") }
        }
        // No changed byte may be read past the end, or ask for memory that the file can't fill.
        for place in stride(from: 0, to: data.count, by: 97) {
            var changed = data
            changed[changed.startIndex + place] ^= 0x5A
            _ = try? DlibShapeFile(changed, name: "changed")
        }
    }
}

extension Image {
    /// Every other pixel.
    fileprivate var halved: Image {
        var result = Image(width: width / 2, height: height / 2, fill: (0, 0, 0))
        for y in 0..<height / 2 {
            for x in 0..<width / 2 {
                for c in 0..<3 {
                    result.pixels[3 * (y * (width / 2) + x) + c] = pixels[3 * (2 * y * width + 2 * x) + c]
                }
            }
        }
        return result
    }
}
