import Foundation
import Images

/// The parts of an aligned face that colours are judged in.
///
/// No network is asked: FFHQ's frame says where face, mouth and hair must be, and the true picture's colours say which pixels
/// are of them. Skin is what lies in the face's oval (or below it, at the neck) and is coloured like the cheeks and the nose; lips
/// are what is redder than that around the mouth; hair is what lies around the oval, above the chin, and is coloured like the
/// band over the forehead. A bald head has no hair. The rest is background, clothes, eyes, teeth and what is uncertain.
public struct FaceRegions: Sendable, Equatable {
    /// A part of the picture.
    public enum Region: String, Sendable, Codable, CaseIterable {
        case skin, hair, lips, rest
    }

    /// Pixels along a side.
    public let side: Int
    /// [side, side].
    public let labels: [Region]

    /// The face's oval in shares of a side: its middle and its half axes.
    private static let (middle, axes) = (SIMD2(0.5, 0.57), SIMD2(0.27, 0.36))

    /// The regions of a face.
    ///
    /// - Parameter face: The true picture, one aligned face in FFHQ's frame, RGB in [-1, 1].
    public init(of face: ImageBatch) {
        precondition(face.count == 1 && face.channels == 3, "regions are of one colour picture")
        side = face.side
        let lab = face.lab().planes
        let area = side * side
        let side = side
        func colour(_ i: Int) -> SIMD3<Double> {
            SIMD3(Double(lab[i]), Double(lab[i + area]), Double(lab[i + 2 * area]))
        }
        func place(_ i: Int) -> SIMD2<Double> {
            SIMD2((Double(i % side) + 0.5) / Double(side), (Double(i / side) + 0.5) / Double(side))
        }
        /// The distance from the oval's middle, 1 on its rim.
        func reach(_ p: SIMD2<Double>) -> Double {
            let d = (p - FaceRegions.middle) / FaceRegions.axes
            return (d * d).sum().squareRoot()
        }
        let skin = FaceRegions.median(
            (0..<area).filter { i in
                let p = place(i)
                let isCheek = (0.32...0.41).contains(p.x) || (0.59...0.68).contains(p.x)
                return isCheek && (0.55...0.66).contains(p.y)
                    || (0.46...0.54).contains(p.x) && (0.50...0.60).contains(p.y)
            }.map(colour))
        let hair = FaceRegions.median(
            (0..<area).filter { i in
                let p = place(i)
                return p.y < 0.28 && (1.05...1.3).contains(reach(p))
            }.map(colour))
        let isBald = FaceRegions.distance(hair, skin, light: 0.5) < 12
        labels = (0..<area).map { i in
            let (p, c) = (place(i), colour(i))
            let around = reach(p)
            let mouth = SIMD2((p.x - 0.5) / 0.13, (p.y - 0.735) / 0.06)
            if (mouth * mouth).sum() < 1, c.y - skin.y > 4 + 0.3 * abs(c.z - skin.z), c.x < skin.x + 10 { return .lips }
            let isNeck = p.y > 0.88 && (0.34...0.66).contains(p.x)
            if around < 1 || isNeck, FaceRegions.distance(c, skin, light: 0.35) < 13 { return .skin }
            let isAround = (0.85...1.7).contains(around) && p.y < 0.8
            if !isBald, isAround, FaceRegions.distance(c, hair, light: 0.6) < 14 { return .hair }
            return .rest
        }
    }

    /// The mean of a value over each region; NaN for a region of less than 1 in 1,000 pixels.
    public func means(_ values: [Float]) -> [Region: Double] {
        precondition(values.count == labels.count, "every pixel has a value")
        var (sums, counts): ([Region: Double], [Region: Int]) = ([:], [:])
        for (label, value) in zip(labels, values) {
            sums[label, default: 0] += Double(value)
            counts[label, default: 0] += 1
        }
        var result: [Region: Double] = [:]
        for region in Region.allCases {
            let count = counts[region] ?? 0
            result[region] = count * 1000 < labels.count ? .nan : (sums[region] ?? 0) / Double(count)
        }
        return result
    }

    /// Of Lab, with lightness counting less, as light falls differently on one thing.
    private static func distance(_ a: SIMD3<Double>, _ b: SIMD3<Double>, light: Double) -> Double {
        let d = (a - b) * SIMD3(light, 1, 1)
        return (d * d).sum().squareRoot()
    }

    private static func median(_ colours: [SIMD3<Double>]) -> SIMD3<Double> {
        func middle(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }
        return SIMD3(middle(colours.map(\.x)), middle(colours.map(\.y)), middle(colours.map(\.z)))
    }
}

extension FaceRegions {
    /// A face laid over with its regions: skin yellow, hair brown, lips red, the rest dark.
    ///
    /// - Parameter face: A picture of the regions' size.
    /// - Returns: Of the same size.
    package func shown(on face: Image) -> Image {
        var result = face
        for (i, region) in labels.enumerated() {
            let colour: SIMD3<Float> =
                switch region {
                case .skin: SIMD3(255, 210, 60)
                case .hair: SIMD3(110, 60, 20)
                case .lips: SIMD3(230, 20, 60)
                case .rest: SIMD3(20, 30, 60)
                }
            for c in 0..<3 { result.pixels[3 * i + c] = UInt8(0.4 * Float(face.pixels[3 * i + c]) + 0.6 * colour[c]) }
        }
        return result
    }
}
