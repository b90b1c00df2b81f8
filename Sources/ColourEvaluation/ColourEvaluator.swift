import Colourisation
import Core
import Faces
import Foundation
import ImageMetrics
import Images
import Networks
import Objectives

/// Measures methods of colouring on photographs whose colours are known.
///
/// Pictures are compared at 256² after rounding to 8 bits, as they would be written: L2 of RGB in [-1, 1], LPIPS by AlexNet,
/// colourfulness, CIEDE2000 in the mean over skin, hair, lips and the rest (``FaceRegions``), the cosine of the two faces'
/// embeddings, how far Y' is from the grey picture's, and Hellinger's distance of chroma histograms. Sets are compared by FID and
/// KID with a folder of others, or with the true pictures.
public struct ColourEvaluator: Sendable {
    /// Pixels along a side.
    public static let side = 256
    /// Pictures that are worked on at once.
    public static let batch = 8

    private let perceptual: PerceptualNetwork
    private let embedder: FaceEmbedder?
    private let inception: InceptionNetwork?

    /// - Parameters:
    ///   - perceptual: AlexNet's maps, for LPIPS.
    ///   - embedder: The face-recognition network; nil leaves identity out.
    ///   - inception: The Inception of 2015; nil leaves FID and KID out.
    public init(perceptual: PerceptualNetwork, embedder: FaceEmbedder?, inception: InceptionNetwork?) {
        self.perceptual = perceptual
        self.embedder = embedder
        self.inception = inception
    }

    /// A picture's luma in 8 bits.
    public static func grey(of picture: Image) -> Image { FilmStock.panchromatic.grey(of: picture).greyImage }

    /// The table of some methods on some photographs.
    ///
    /// - Parameters:
    ///   - methods: The rows.
    ///   - count: How many photographs there are.
    ///   - reference: Features of other photographs for FID and KID; nil takes the true pictures'.
    ///   - context: Whether to stop, and whom to tell of progress.
    ///   - photographs: Gives each when its turn comes: aligned faces in colour.
    /// - Returns: The table.
    /// - Throws: ``Core/Failure`` of the methods and networks, or a stop.
    public func table(
        of methods: [any ColourMethod], count: Int, reference: FeatureSet? = nil, context: RunContext = .silent,
        photographs: (Int) throws -> Image
    ) throws -> ColourTable {
        let progress = context.progress("evaluate", unit: "photographs", total: count)
        defer { progress.finish() }
        var sums = methods.map { _ in Sums() }
        var real: [FeatureSet] = []
        var colourfulness: [Double] = []
        for first in stride(from: 0, to: count, by: ColourEvaluator.batch) {
            try context.check()
            let pictures = try (first..<min(count, first + ColourEvaluator.batch)).map {
                try photographs($0).centredSquare(size: ColourEvaluator.side)
            }
            let truth = try Truth(pictures, perceptual, embedder)
            colourfulness += pictures.map(Colourfulness.value)
            if let inception { real.append(try FeatureSet(of: truth.pictures, inception)) }
            for (index, method) in methods.enumerated() {
                try context.check()
                let found = try method.coloured(truth.grey, truth: truth.pictures)
                guard found.count == truth.pictures.count, found.side == ColourEvaluator.side else {
                    throw Failure(method.name, "gives other pictures than it was asked for")
                }
                let wanted = method.wanted(truth.pictures)
                try add(ImageBatch(found.images, side: found.side), truth, wanted: wanted, to: &sums[index])
            }
            progress.advance(pictures.count)
        }
        let set = real.isEmpty ? nil : FeatureSet.joined(real)
        let rows = try zip(methods, sums).map { method, sums in
            ColourTable.Row(
                method: method.name, title: method.title,
                figures: try figures(
                    sums, colourfulness, real: set, reference: reference, isReal: method is TruePictures))
        }
        return ColourTable(count: count, rows: rows)
    }

    /// What is known of some photographs.
    private struct Truth {
        let pictures: ImageBatch
        let grey: ImageBatch
        let lpips: LPIPS
        let embeddings: [Float]?
        let regions: [FaceRegions]

        init(_ images: [Image], _ perceptual: PerceptualNetwork, _ embedder: FaceEmbedder?) throws {
            pictures = ImageBatch(images, side: ColourEvaluator.side)
            grey = ImageBatch(images.map(ColourEvaluator.grey), side: ColourEvaluator.side)
            lpips = try LPIPS(perceptual, targets: pictures)
            embeddings = try embedder?.embeddings(pictures)
            let pictures = pictures
            regions = (0..<images.count).map { FaceRegions(of: pictures[$0..<$0 + 1]) }
        }
    }

    /// A method's figures so far, one a photograph.
    private struct Sums {
        var values: [ColourFigure: [Double]] = [:]
        var features: [FeatureSet] = []

        mutating func add(_ figure: ColourFigure, _ value: Double) { values[figure, default: []].append(value) }
    }

    private func add(_ found: ImageBatch, _ truth: Truth, wanted: ImageBatch, to sums: inout Sums) throws {
        let errors = try PixelLoss(targets: truth.pictures, side: ColourEvaluator.side).evaluate(found).values
        let distances = try truth.lpips.distances(found)
        let embeddings = try embedder?.embeddings(found)
        let area = ColourEvaluator.side * ColourEvaluator.side
        let differences = ColourDifference.ciede2000(found, truth.pictures)
        for (index, image) in found.images.enumerated() {
            sums.add(.l2, Double(errors[index]))
            sums.add(.lpips, Double(distances[index]))
            sums.add(.colourfulness, Colourfulness.value(of: image))
            let means = truth.regions[index].means(Array(differences[index * area..<(index + 1) * area]))
            for (region, figure) in [
                (FaceRegions.Region.skin, ColourFigure.skin), (.hair, .hair), (.lips, .lips), (.rest, .rest),
            ] { sums.add(figure, means[region] ?? .nan) }
            if let own = embeddings, let wanted = truth.embeddings {
                sums.add(.identity, ColourEvaluator.cosine(own, wanted, index))
            }
            sums.add(.luminanceError, ColourEvaluator.luminanceError(found, truth.grey, index))
            let histogram = ChromaHistogram(of: Chroma(of: wanted, index: index))
            sums.add(
                .hellinger, Double(ChromaHistogram(of: Chroma(of: found, index: index)).distance(to: histogram)))
        }
        if let inception { sums.features.append(try FeatureSet(of: found, inception)) }
    }

    private static func cosine(_ a: [Float], _ b: [Float], _ index: Int) -> Double {
        var (product, first, second) = (0.0, 0.0, 0.0)
        for i in index * FaceEmbedder.size..<(index + 1) * FaceEmbedder.size {
            product += Double(a[i]) * Double(b[i])
            first += Double(a[i]) * Double(a[i])
            second += Double(b[i]) * Double(b[i])
        }
        return product / max(1e-12, (first * second).squareRoot())
    }

    /// The mean difference of Y' from the grey picture, in 8-bit steps.
    private static func luminanceError(_ found: ImageBatch, _ grey: ImageBatch, _ index: Int) -> Double {
        let (a, b) = (found[index..<index + 1].luma().planes, grey[index..<index + 1].luma().planes)
        return zip(a, b).reduce(0) { $0 + Double(abs($1.0 - $1.1)) } * 127.5 / Double(a.count)
    }

    private func figures(
        _ sums: Sums, _ colourfulness: [Double], real: FeatureSet?, reference: FeatureSet?, isReal: Bool
    ) throws -> [String: Bootstrap.Estimate] {
        var result: [String: Bootstrap.Estimate] = [:]
        for (figure, values) in sums.values { result[figure.rawValue] = Bootstrap.mean(values) }
        if let l2 = result[ColourFigure.l2.rawValue], l2.value > 0 {
            func decibels(_ error: Double) -> Double { 10 * log10(4 / max(error, 1e-9)) }
            result[ColourFigure.psnr.rawValue] = .init(
                value: decibels(l2.value), low: decibels(l2.high), high: decibels(l2.low))
        }
        let mean = colourfulness.reduce(0, +) / Double(max(1, colourfulness.count))
        if mean > 0 {
            result[ColourFigure.colourfulnessRatio.rawValue] = Bootstrap.mean(
                (sums.values[.colourfulness] ?? []).map { $0 / mean })
        }
        guard let real, !sums.features.isEmpty else { return result }
        let own = FeatureSet.joined(sums.features)
        let distance: SetDistance
        if let reference {
            distance = try SetDistance(own, reference)
        } else if isReal {
            // Against themselves they would be at 0: one half against the other is what so few pictures can show.
            let half = own.count / 2 * own.size
            guard own.count > 3 else { return result }
            distance = try SetDistance(
                FeatureSet(Array(own.values[..<half]), size: own.size),
                FeatureSet(Array(own.values[half...]), size: own.size))
        } else {
            distance = try SetDistance(own, real)
        }
        result[ColourFigure.fid.rawValue] = .init(try distance.frechet(), try distance.frechetInterval())
        result[ColourFigure.kid.rawValue] = .init(distance.kernel(), distance.kernelInterval())
        return result
    }
}
