import Core
import Foundation
import Images
import Weights

/// Finds 68 landmarks of an upright face by dlib's ensemble of regression trees, with which FFHQ was aligned.
///
/// The published model learnt from iBUG 300-W, whose pictures are for non-commercial use; it comes with no program, and
/// `directions import landmarks` fetches it.
///
/// For example:
///
/// ```swift
/// let predictor = ShapePredictor(try .read("shape_predictor_68_face_landmarks.dat"))
/// let detector = try FaceDetector(landmarks: predictor)
/// ```
public struct ShapePredictor: Sendable {
    private let model: DlibShapeFile

    /// - Parameter model: A published file, or another of its kind.
    public init(_ model: DlibShapeFile) { self.model = model }

    /// How many landmarks it finds.
    public var count: Int { model.mean.count }

    /// The landmarks of a face.
    ///
    /// - Parameters:
    ///   - image: Holds the face, upright.
    ///   - box: Its left, top, right and bottom pixels, as dlib's detector of frontal faces draws them.
    /// - Returns: [x, y] each, in the picture's pixels, (0, 0) the middle of the first one.
    public func landmarks(in image: Image, box: SIMD4<Double>) -> [SIMD2<Double>] {
        var shape = model.mean
        let low = SIMD2(Float(box.x), Float(box.y))
        let size = SIMD2(Float(box.z - box.x), Float(box.w - box.y))
        var pixels: [Int32] = []
        for stage in model.stages {
            let turn = similarity(to: shape)
            pixels.removeAll(keepingCapacity: true)
            for (anchor, offset) in zip(stage.anchors, stage.offsets) {
                let turned = SIMD2(
                    turn.x * offset.x - turn.y * offset.y, turn.y * offset.x + turn.x * offset.y)
                let place = low + (shape[Int(anchor)] + turned) * size
                pixels.append(image.grey(place))
            }
            add(stage, pixels, to: &shape)
        }
        return shape.map { point in
            let place = low + point * size
            return SIMD2(Double(place.x), Double(place.y))
        }
    }

    /// Adds the leaf of each tree of a stage.
    private func add(_ stage: DlibShapeFile.Stage, _ pixels: [Int32], to shape: inout [SIMD2<Float>]) {
        let nodes = 1 << model.depth - 1
        let width = 2 * shape.count
        for tree in 0..<model.trees(of: stage) {
            var node = 0
            while node < nodes {
                let split = stage.splits[tree * nodes + node]
                let isBrighter = Float(pixels[Int(split.first)] - pixels[Int(split.second)]) > split.threshold
                node = 2 * node + (isBrighter ? 1 : 2)
            }
            let start = (tree * (nodes + 1) + node - nodes) * width
            for i in shape.indices {
                shape[i] += SIMD2(stage.leaves[start + 2 * i], stage.leaves[start + 2 * i + 1])
            }
        }
    }

    /// Cosine and sine, times the scale, of the least-squares turn of the mean shape to another (Umeyama, 1991).
    private func similarity(to shape: [SIMD2<Float>]) -> SIMD2<Float> {
        let count = Float(shape.count)
        let (from, to) = (model.mean.reduce(.zero, +) / count, shape.reduce(.zero, +) / count)
        var (dot, cross, square): (Float, Float, Float) = (0, 0, 0)
        for (a, b) in zip(model.mean, shape) {
            let (a, b) = (a - from, b - to)
            dot += (a * b).sum()
            cross += a.x * b.y - a.y * b.x
            square += (a * a).sum()
        }
        return square > 0 ? SIMD2(dot, cross) / square : SIMD2(1, 0)
    }
}

extension Image {
    /// The mean of the three colours at the pixel nearest to a place; 0 outside.
    fileprivate func grey(_ place: SIMD2<Float>) -> Int32 {
        // Negated comparisons, so that what is no number is outside.
        guard place.x > -0.5, place.y > -0.5, place.x < Float(width) - 0.5, place.y < Float(height) - 0.5 else {
            return 0
        }
        let at = 3 * (Int((place.y + 0.5).rounded(.down)) * width + Int((place.x + 0.5).rounded(.down)))
        return (Int32(pixels[at]) + Int32(pixels[at + 1]) + Int32(pixels[at + 2])) / 3
    }
}

extension ShapePredictor {
    /// The square in FFHQ's frame of a face, from 68 landmarks: the mean of looks at boxes beside one another, as they are and
    /// mirrored.
    ///
    /// - Parameters:
    ///   - image: Holds the face.
    ///   - square: Where its square is, about.
    /// - Returns: The square; nil for a model of other landmarks.
    public func ffhqSquare(in image: Image, near square: PictureSquare) -> PictureSquare? {
        guard count == 68 else { return nil }
        var found = square
        // What a look finds depends a little on its box: the second round's is the first's answer.
        for offsets in [ShapePredictor.looks.prefix(1), ShapePredictor.looks[...]] {
            found = mean(in: image, of: found, offsets: offsets)
        }
        return found
    }

    /// Pixels along the square's side in a look, and along the picture that is looked at.
    private static let (side, canvas) = (256, 416)
    /// dlib's box of a face in its FFHQ square: the means of 200 pictures of FFHQ (`Benchmarks/alignment.py`).
    private static let box = SIMD4(0.205, 0.290, 0.812, 0.896)
    /// How far boxes are moved, in shares of the square's side, and scaled.
    private static let looks: [SIMD3<Double>] = [
        SIMD3(0, 0, 1), SIMD3(0.03, 0, 1), SIMD3(-0.03, 0, 1), SIMD3(0, 0.03, 1), SIMD3(0, -0.03, 1),
        SIMD3(0, 0, 0.92), SIMD3(0, 0, 1.08),
    ]

    private func mean(
        in image: Image, of square: PictureSquare, offsets: ArraySlice<SIMD3<Double>>
    ) -> PictureSquare {
        let (side, canvas) = (Double(ShapePredictor.side), Double(ShapePredictor.canvas))
        let wide = square.scaled(by: canvas / side)
        let view = image.sampled(wide, size: ShapePredictor.canvas)
        var points = [SIMD2<Double>](repeating: .zero, count: 5)
        for (isMirrored, picture) in [(false, view), (true, view.mirrored())] {
            for offset in offsets {
                let landmarks = landmarks(in: picture, box: box(offset, isMirrored: isMirrored))
                func mean(_ range: Range<Int>) -> SIMD2<Double> {
                    landmarks[range].reduce(.zero, +) / Double(range.count)
                }
                let five = [mean(36..<42), mean(42..<48), mean(30..<31), landmarks[48], landmarks[54]]
                for i in 0..<5 {
                    // What is right in a mirrored face is left in its mirror.
                    let own = isMirrored ? [1, 0, 2, 4, 3][i] : i
                    let x = isMirrored ? canvas - 1 - five[own].x : five[own].x
                    let place = wide.point(u: (x + 0.5) / canvas, v: (five[own].y + 0.5) / canvas)
                    points[i] += SIMD2(place.x, place.y)
                }
            }
        }
        return FaceLandmarks(points.map { $0 / Double(2 * offsets.count) }).recipeSquare
    }

    /// dlib's box of a face in a look, moved and scaled.
    private func box(_ offset: SIMD3<Double>, isMirrored: Bool) -> SIMD4<Double> {
        let own = ShapePredictor.box
        let middle = SIMD2((own.x + own.z) / 2, (own.y + own.w) / 2) + SIMD2(offset.x, offset.y)
        let half = SIMD2(own.z - own.x, own.w - own.y) / 2 * offset.z
        let (x, y) = (isMirrored ? 1 - middle.x : middle.x, middle.y)
        let (side, rim) = (Double(ShapePredictor.side), Double(ShapePredictor.canvas - ShapePredictor.side) / 2)
        return SIMD4(x - half.x, y - half.y, x + half.x, y + half.y) * side + SIMD4(repeating: rim)
    }
}
