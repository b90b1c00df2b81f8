import Colourisation
import Core
import Images
import Objectives

/// What a histogram of colours has to be.
public enum HistogramLoss: String, Sendable, Codable, CaseIterable {
    /// The paper's: absolute differences of shares of red, green and blue, on soft bins.
    case absolute
    /// Hellinger's squared distance of histograms of chroma (as HistoGAN's, Afifi and others, 2021), whatever the luminance.
    case hellinger
}

/// How far pictures' colours are from those of others, in the mean and whatever the place.
struct HistogramObjective: Objective {
    private let kind: HistogramLoss
    private let chroma: [ChromaHistogram]
    private let red: [RGBHistogram]
    let side: Int

    /// Bins of the paper's loss from black to full.
    private static let bins = 64

    /// - Parameters:
    ///   - kind: What is compared.
    ///   - wanted: For each picture one whose colours it shall have.
    init(_ kind: HistogramLoss, wanted: ImageBatch) {
        self.kind = kind
        side = wanted.side
        let indices = 0..<wanted.count
        chroma = kind == .hellinger ? indices.map { ChromaHistogram(of: Chroma(of: wanted, index: $0)) } : []
        red =
            kind == .absolute
            ? indices.map {
                RGBHistogram(of: wanted[$0..<$0 + 1], bins: HistogramObjective.bins, isJoint: false)
            } : []
    }

    func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        guard max(chroma.count, red.count) == images.count else {
            throw Failure("histogram loss", "has other pictures than it was made for")
        }
        var result = ObjectiveValue(values: [Float](repeating: 0, count: images.count), gradients: images)
        for index in 0..<images.count {
            let picture = images[index..<index + 1]
            let (value, gradient) =
                kind == .absolute ? red[index].absoluteDifference(of: picture) : hellinger(picture, index)
            result.values[index] = value
            result.gradients.planes.replaceSubrange(
                index * images.stride..<(index + 1) * images.stride, with: gradient)
        }
        return result
    }

    private func hellinger(_ picture: ImageBatch, _ index: Int) -> (Float, [Float]) {
        let found = chroma[index].squaredDistance(of: Chroma(of: picture))
        // Cb and Cr were counted in 8-bit steps.
        let area = picture.side * picture.side
        let planes =
            [Float](repeating: 0, count: area)
            + (found.gradient.cb.values + found.gradient.cr.values).map { $0 * 127.5 }
        return (found.value, ImageBatch(planes, side: picture.side).yCbCrBackward().planes)
    }
}

/// Losses of a step in which encoders were told colours: those told their own photograph's are compared with it, those told
/// another's with its grey alone; and all colours with those that were told.
struct ToldObjective: Objective {
    /// Of pictures told their own colours.
    let own: any Objective
    /// Of pictures told another's.
    let others: any Objective
    let isOwn: [Bool]
    let histogram: HistogramObjective
    let weight: Float

    var side: Int { max(own.side, histogram.side) }

    func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        var result = try own.evaluate(images)
        let grey = try isOwn.contains(false) ? others.evaluate(images) : result
        let colours = try histogram.evaluate(images)
        for index in 0..<images.count {
            if !isOwn[index] { result.values[index] = grey.values[index] }
            result.values[index] += weight * colours.values[index]
            for i in index * images.stride..<(index + 1) * images.stride {
                if !isOwn[index] { result.gradients.planes[i] = grey.gradients.planes[i] }
                result.gradients.planes[i] += weight * colours.gradients.planes[i]
            }
        }
        return result
    }
}
