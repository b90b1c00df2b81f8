import Core
import Foundation
import Images
import Tensors
import Weights

/// Five points of a face in a picture's pixels, (0, 0) the top left corner of the first one.
public struct FaceLandmarks: Sendable, Codable, Equatable {
    /// [x, y] of the eye at the picture's left in an upright face (the person's right eye).
    public var rightEye: SIMD2<Double>
    /// [x, y] of the other eye.
    public var leftEye: SIMD2<Double>
    /// [x, y] of the nose's tip.
    public var nose: SIMD2<Double>
    /// [x, y] of the mouth's corner below ``rightEye``.
    public var rightMouth: SIMD2<Double>
    /// [x, y] of the other corner.
    public var leftMouth: SIMD2<Double>

    /// - Parameter points: Right eye, left eye, nose, right and left corner of the mouth.
    init(_ points: [SIMD2<Double>]) {
        precondition(points.count == 5, "five points")
        (rightEye, leftEye, nose, rightMouth, leftMouth) = (points[0], points[1], points[2], points[3], points[4])
    }

    var points: [SIMD2<Double>] { [rightEye, leftEye, nose, rightMouth, leftMouth] }

    /// Pixels between the eyes.
    public var eyeDistance: Double { ((leftEye - rightEye) * (leftEye - rightEye)).sum().squareRoot() }
}

/// A face that was found.
public struct DetectedFace: Sendable, Codable, Equatable {
    /// How sure the detector is, 0 to 1.
    public var score: Double
    /// Where its parts are.
    public var landmarks: FaceLandmarks
    /// Where its square in FFHQ's frame is.
    public var square: PictureSquare
}

/// Finds faces with five points each: YuNet (Wu and others, "YuNet: A Tiny Millisecond-level Face Detector", 2023; MIT), the file of
/// March 2023 of OpenCV's zoo, which comes with the program.
///
/// For example:
///
/// ```swift
/// let faces = try FaceDetector().faces(in: .read("party.jpg"))
/// ```
public struct FaceDetector: Sendable {
    /// SHA-256 of the file.
    public static let sha256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
    /// What the detector is less sure of is not looked at again.
    public static let threshold = 0.4

    private struct Convolution: Sendable {
        let weight: Tensor
        let bias: Tensor
        let stride: Int
        let padding: Int
        let groups: Int

        func apply(_ x: Tensor) throws -> Tensor {
            try x.convolved(weight, bias: bias, stride: stride, padding: padding, groups: groups)
        }
    }

    private let convolutions: [Convolution]
    let predictor: ShapePredictor?

    /// - Parameters:
    ///   - path: The detector's file; nil for the one that comes with the program.
    ///   - landmarks: Where it is given, squares follow its 68 landmarks, as FFHQ's do, not the detector's five points.
    /// - Throws: ``Core/Failure`` naming the file: missing, or another than the published one.
    public init(_ path: String? = nil, landmarks: ShapePredictor? = nil) throws {
        predictor = landmarks
        let shipped = Bundle.module.path(
            forResource: "face_detection_yunet_2023mar", ofType: "onnx", inDirectory: "Resources")
        guard let path = path ?? shipped else {
            throw Failure("the face detector", "is not beside the program", "install the program anew", kind: .notFound)
        }
        let data = try AtomicFile.read(path)
        guard Hashing.sha256(data) == FaceDetector.sha256 else {
            throw Failure(path, "is not the published detector", "get it from OpenCV's zoo, or leave it out")
        }
        let file = try OnnxFile(data, name: path)
        let published = try file.convolutions()
        guard published.count == 53 else { throw Failure(path, "has another shape than the detector's") }
        convolutions = try published.map {
            Convolution(
                weight: try Tensor($0.weight.floats(), shape: $0.weight.shape),
                bias: try Tensor($0.bias.floats(), shape: $0.bias.shape), stride: $0.stride, padding: $0.padding,
                groups: $0.groups)
        }
    }

    /// What the network says of a picture at one place.
    package struct Candidate {
        package var score: Double
        /// Left, top, right, bottom.
        package var box: SIMD4<Double>
        package var points: [SIMD2<Double>]
    }

    /// All candidates above a score in a picture as it is, without those that overlap a better one.
    package func candidates(in image: Image, threshold: Double = FaceDetector.threshold) throws -> [Candidate] {
        var found: [Candidate] = []
        for (stride, maps) in try maps(of: image) {
            let (width, height) = maps.size
            for row in 0..<height {
                for column in 0..<width {
                    let at = row * width + column
                    let sure = maps.score[at]
                    if Double(sure) < threshold { continue }
                    func value(_ map: [Float], _ channel: Int) -> Double {
                        Double(map[channel * width * height + at])
                    }
                    let (x, y, step) = (Double(column), Double(row), Double(stride))
                    let centre = SIMD2(x + value(maps.box, 0), y + value(maps.box, 1)) * step
                    let half = SIMD2(exp(value(maps.box, 2)), exp(value(maps.box, 3))) * (step / 2)
                    let points = (0..<5).map {
                        SIMD2(x + value(maps.points, 2 * $0), y + value(maps.points, 2 * $0 + 1)) * step
                    }
                    let (low, high) = (centre - half, centre + half)
                    found.append(
                        Candidate(score: Double(sure), box: SIMD4(low.x, low.y, high.x, high.y), points: points))
                }
            }
        }
        return FaceDetector.suppressed(found)
    }

    /// The best of candidates that overlap.
    static func suppressed(_ candidates: [Candidate], overlap: Double = 0.3) -> [Candidate] {
        var kept: [Candidate] = []
        for candidate in candidates.sorted(by: { $0.score > $1.score }) {
            if kept.allSatisfy({ FaceDetector.overlap($0.box, candidate.box) < overlap }) { kept.append(candidate) }
        }
        return kept
    }

    /// The share of two boxes' common area in that of both together.
    private static func overlap(_ a: SIMD4<Double>, _ b: SIMD4<Double>) -> Double {
        let width = max(0, min(a.z, b.z) - max(a.x, b.x))
        let height = max(0, min(a.w, b.w) - max(a.y, b.y))
        let common = width * height
        let all = (a.z - a.x) * (a.w - a.y) + (b.z - b.x) * (b.w - b.y) - common
        return all > 0 ? common / all : 0
    }

    /// What the network gives at one of its strides.
    private struct Maps {
        let size: (width: Int, height: Int)
        let score: [Float]
        let box: [Float]
        let points: [Float]
    }

    private func maps(of image: Image) throws -> [(stride: Int, maps: Maps)] {
        let (width, height) = ((image.width + 31) / 32 * 32, (image.height + 31) / 32 * 32)
        var planes = [Float](repeating: 0, count: 3 * width * height)
        for y in 0..<image.height {
            for x in 0..<image.width {
                let at = 3 * (y * image.width + x)
                // Blue, green, red, as the network learnt them.
                for c in 0..<3 { planes[(2 - c) * width * height + y * width + x] = Float(image.pixels[at + c]) }
            }
        }
        return try Torch.withoutGradients {
            var x = try Tensor(planes, shape: [1, 3, height, width])
            var next = 0
            func convolve(_ x: Tensor) throws -> Tensor {
                defer { next += 1 }
                return try convolutions[next].apply(x)
            }
            func unit(_ x: Tensor) throws -> Tensor { try convolve(convolve(x)).relu() }
            x = try unit(convolve(x).relu()).maxPooled(size: 2, stride: 2)
            x = try unit(unit(x))
            x = try unit(unit(x)).maxPooled(size: 2, stride: 2)
            var levels = [try unit(unit(x))]
            for _ in 0..<2 { levels.append(try unit(unit(levels[levels.count - 1].maxPooled(size: 2, stride: 2)))) }
            levels[2] = try unit(levels[2])
            for level in [1, 0] {
                let above = levels[level + 1]
                let raised = try above.resized(height: above.shape[2] * 2, width: above.shape[3] * 2, mode: .nearest)
                levels[level] = try unit(levels[level].added(to: raised))
            }
            // The heads in the file's order: class, box, objectness, points, each at all strides.
            let heads = try (0..<4).map { _ in try levels.map { try convolve(convolve($0)) } }
            return try levels.indices.map { level in
                let (h, w) = (levels[level].shape[2], levels[level].shape[3])
                let score = try heads[0][level].sigmoid().multiplied(by: heads[2][level].sigmoid()).squareRoot()
                let maps = Maps(
                    size: (w, h), score: try score.contiguous().floats(),
                    box: try heads[1][level].contiguous().floats(),
                    points: try heads[3][level].contiguous().floats())
                return (8 << level, maps)
            }
        }
    }
}
