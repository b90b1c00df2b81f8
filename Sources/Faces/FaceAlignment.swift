import Core
import Foundation
import Images

extension FaceLandmarks {
    /// The square that FFHQ's recipe (Karras and others, 2019) cuts out: from the eyes' middle, the way between the eyes and that to
    /// the mouth.
    ///
    /// YuNet sees eyes and mouth a little elsewhere than the landmarks that FFHQ was aligned with: its squares are 0.5 % too
    /// large and 0.8 % of a side too high on FFHQ's own pictures (means of 300, `Benchmarks/alignment.py`); that is put
    /// right here.
    public var ffhqSquare: PictureSquare {
        let found = recipeSquare
        let (halfX, halfY) = (found.halfX * FaceLandmarks.scale, found.halfY * FaceLandmarks.scale)
        return PictureSquare(
            x: found.x - halfY * (2 * FaceLandmarks.lowering), y: found.y + halfX * (2 * FaceLandmarks.lowering),
            halfX: halfX, halfY: halfY)
    }

    /// The recipe's square of points that are where FFHQ's landmarks are.
    var recipeSquare: PictureSquare {
        let eyes = (rightEye + leftEye) / 2
        let across = leftEye - rightEye
        let down = (rightMouth + leftMouth) / 2 - eyes
        var half = across + SIMD2(down.y, -down.x)
        let length = (half * half).sum().squareRoot()
        let (wide, high) = ((across * across).sum().squareRoot(), (down * down).sum().squareRoot())
        half *= max(2 * wide, 1.8 * high) / max(length, 1e-9)
        let centre = eyes + 0.1 * down
        return PictureSquare(x: centre.x, y: centre.y, halfX: half.x, halfY: half.y)
    }

    private static let scale = 0.9952
    private static let lowering = 0.0079
}

extension FaceDetector {
    /// Longest sides at which a picture is searched: large faces are found in small pictures, small ones in large ones.
    private static let sides = [320, 640, 1280]
    /// How sure the detector must be of a face once it is upright and large.
    private static let certainty = 0.7
    /// Sides of the upright squares that a face's points are measured in, each also mirrored.
    private static let views = [256, 340]
    /// Faces at most.
    public static let maximumFaces = 200

    /// All faces of a picture, at any turn up to a right angle, the largest first.
    ///
    /// Each is looked at once more upright and at two sizes, as it is and mirrored: what is no face there is left out, and the
    /// means of the points are steadier than those of one look.
    ///
    /// - Parameter image: Of any size.
    /// - Returns: Faces with points in the picture's pixels.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func faces(in image: Image) throws -> [DetectedFace] {
        var found: [Candidate] = []
        let longest = max(image.width, image.height)
        for side in FaceDetector.sides {
            // A picture is not made larger but once, when it is smaller than the smallest side.
            if side > FaceDetector.sides[0] && side / 2 >= longest { continue }
            let scale = Double(side) / Double(longest)
            let small =
                scale < 1
                ? image.resized(
                    width: max(1, Int(Double(image.width) * scale)), height: max(1, Int(Double(image.height) * scale)))
                : image
            let factor = Double(image.width) / Double(small.width)
            for turns in side == 1280 ? [0] : [0, 1, 3] {
                for candidate in try candidates(in: small.turned(turns)) {
                    found.append(
                        candidate.mapped {
                            Image.turnedBack($0, turns, width: small.width, height: small.height) * factor
                        })
                }
            }
            if side < 1280 { found += try turnedCandidates(in: small).map { $0.mapped { $0 * factor } } }
            if scale >= 1 { break }
        }
        let seen = try FaceDetector.suppressed(found).prefix(FaceDetector.maximumFaces).compactMap {
            try refined($0, in: image)
        }
        return FaceDetector.suppressed(seen).map {
            let landmarks = FaceLandmarks($0.points)
            let square = landmarks.ffhqSquare
            return DetectedFace(
                score: $0.score, landmarks: landmarks, square: finer(square, in: image) ?? square)
        }.sorted { $0.square.side > $1.square.side }
    }

    /// Candidates that are seen where a picture is turned by half a right angle, either way: faces that lean so are upright then.
    private func turnedCandidates(in image: Image) throws -> [Candidate] {
        let half = Double(image.width + image.height) / 4
        return try [half, -half].flatMap { lean in
            let frame = PictureSquare(
                x: Double(image.width) / 2, y: Double(image.height) / 2, halfX: half, halfY: lean)
            let size = Int(frame.side.rounded(.up))
            return try candidates(in: image.sampled(frame, size: size)).map { candidate in
                candidate.mapped {
                    let place = frame.point(u: $0.x / Double(size), v: $0.y / Double(size))
                    return SIMD2(place.x, place.y)
                }
            }.filter {
                // Outside the picture is its mirror.
                let middle = SIMD2($0.box.x + $0.box.z, $0.box.y + $0.box.w) / 2
                return 0...Double(image.width) ~= middle.x && 0...Double(image.height) ~= middle.y
            }
        }
    }

    /// The square that 68 landmarks give; nil without them, or where they are so far from the detector's points that they must
    /// have slipped, as they do on faces in profile.
    private func finer(_ square: PictureSquare, in image: Image) -> PictureSquare? {
        guard let found = predictor?.ffhqSquare(in: image, near: square) else { return nil }
        let away = SIMD2(found.x - square.x, found.y - square.y)
        let turn = abs(remainder(found.angle - square.angle, 2 * .pi))
        let isNear =
            (away * away).sum().squareRoot() < 0.08 * square.side && turn < 0.2
            && 0.75...1.33 ~= found.side / square.side
        return isNear ? found : nil
    }

    /// The face of a candidate, measured upright; nil where there is none.
    private func refined(_ candidate: Candidate, in image: Image) throws -> Candidate? {
        var square = FaceLandmarks(candidate.points).ffhqSquare
        guard square.side >= 8, square.side < 8 * Double(max(image.width, image.height)) else { return nil }
        // Once to turn it upright, once to measure.
        guard let upright = try measured(square, in: image, views: [256], isMirrored: false) else { return nil }
        square = FaceLandmarks(upright.points).ffhqSquare
        guard square.side >= 8 else { return nil }
        return try measured(square, in: image, views: FaceDetector.views, isMirrored: true)
    }

    /// The mean of what is found in upright views of a square.
    private func measured(
        _ square: PictureSquare, in image: Image, views: [Int], isMirrored: Bool
    ) throws -> Candidate? {
        var (points, count, score) = ([SIMD2<Double>](repeating: .zero, count: 5), 0.0, 0.0)
        for side in views {
            let canvas = side * 13 / 8 / 32 * 32
            let wide = square.scaled(by: Double(canvas) / Double(side))
            let view = image.sampled(wide, size: canvas)
            for mirror in isMirrored ? [false, true] : [false] {
                let seen = try candidates(in: mirror ? view.mirrored() : view, threshold: 0.3)
                let middle = SIMD2(repeating: Double(canvas) / 2)
                let near = seen.filter { candidate in
                    let centre = SIMD2(candidate.box.x + candidate.box.z, candidate.box.y + candidate.box.w) / 2
                    let away = centre - middle
                    return (away * away).sum().squareRoot() < 0.3 * Double(side)
                }
                guard let best = near.max(by: { $0.score < $1.score }) else { continue }
                var own = best.points
                if mirror {
                    own = [1, 0, 2, 4, 3].map { SIMD2(Double(canvas) - own[$0].x, own[$0].y) }
                }
                for i in 0..<5 {
                    let place = wide.point(u: own[i].x / Double(canvas), v: own[i].y / Double(canvas))
                    points[i] += SIMD2(place.x, place.y)
                }
                (count, score) = (count + 1, score + best.score)
            }
        }
        let looks = Double(views.count * (isMirrored ? 2 : 1))
        guard count > 0, score / looks >= FaceDetector.certainty else { return nil }
        points = points.map { $0 / count }
        let bounds = FaceLandmarks(points).ffhqSquare.scaled(by: 0.5).bounds
        return Candidate(
            score: score / looks, box: SIMD4(bounds.left, bounds.top, bounds.right, bounds.bottom), points: points)
    }
}

extension FaceDetector.Candidate {
    /// The same, its points and its box moved, turned and scaled: the box's sides change places where it is turned by a right angle,
    /// and it keeps its size at turns between, where a turned box is none.
    fileprivate func mapped(_ move: (SIMD2<Double>) -> SIMD2<Double>) -> Self {
        let reach = SIMD2(box.z - box.x, box.w - box.y) / 2
        let old = SIMD2(box.x, box.y) + reach
        let middle = move(old)
        let across = move(old + SIMD2(reach.x, 0)) - middle
        let down = move(old + SIMD2(0, reach.y)) - middle
        let half = (across * across + down * down).squareRoot()
        let (low, high) = (middle - half, middle + half)
        return Self(score: score, box: SIMD4(low.x, low.y, high.x, high.y), points: points.map(move))
    }
}

extension Image {
    /// The picture turned clockwise by so many right angles.
    func turned(_ turns: Int) -> Image {
        if turns == 0 { return self }
        let (newWidth, newHeight) = turns % 2 == 1 ? (height, width) : (width, height)
        var result = Image(width: newWidth, height: newHeight, fill: (0, 0, 0))
        for y in 0..<height {
            for x in 0..<width {
                let (nx, ny) =
                    switch turns {
                    case 1: (height - 1 - y, x)
                    case 2: (width - 1 - x, height - 1 - y)
                    default: (y, width - 1 - x)
                    }
                for c in 0..<3 { result.pixels[3 * (ny * newWidth + nx) + c] = pixels[3 * (y * width + x) + c] }
            }
        }
        return result
    }

    /// Where a point of the turned picture was before, in a picture of the given size.
    static func turnedBack(_ point: SIMD2<Double>, _ turns: Int, width: Int, height: Int) -> SIMD2<Double> {
        switch turns {
        case 1: SIMD2(point.y, Double(height) - point.x)
        case 2: SIMD2(Double(width) - point.x, Double(height) - point.y)
        case 3: SIMD2(Double(width) - point.y, point.x)
        default: point
        }
    }
}
