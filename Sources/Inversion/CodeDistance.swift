import Core
import Fitting
import Generators
import Latents
import Synchronization

/// How far codes lie from a generator's W, as multiples of what its own w do.
///
/// The length is W's own: that of the covariance of sampled w, drawn towards a sphere, because noise in components in which w
/// hardly differ hardly shows. The limits are where faces of the default generator break: of 18 rows drawn from other faces
/// each (0.98 apart) and rows scattered as W itself (0.97) a third and more do, of two faces mixed by half (0.70) and rows
/// scattered by 0.6 of W (0.58) none; w of psi 1.5 (1.49 from the mean) mostly hold, of psi 2 (1.99) none does. The farthest of
/// 1,000 sampled w lies at 1.58.
package struct CodeDistance: Sendable {
    /// The length of one code.
    package struct Measure: Equatable {
        /// From the mean of W to the rows: 1 for a w in the middle of its distribution.
        package var fromMean: Double
        /// From the mean of its rows to the rows: 0 where they are equal, 1 where they are drawn each from another face.
        package var betweenRows: Double
    }

    /// Above it, and beyond all sampled w, a code is outside of W.
    package static let fromMeanLimit = 1.65
    /// Above it rows lie so far from each other that a network that has not learnt to mix them makes no face.
    static let betweenRowsLimit = 0.9

    private let metric: LatentMetric
    private let mean: [Float]
    /// The median distance of sampled w from the mean.
    private let unit: Double
    /// Above it a code of this generator is outside of W.
    private let limit: Double

    /// What was asked last: an editor asks the same with every move of a slider.
    private static let last = Mutex<(sha256: String, distance: CodeDistance, answer: Answer?)?>(nil)

    private struct Answer {
        let codes: LatentCodes
        let name: String
        let warning: String?
    }

    /// What a person should know of codes before faces are made of them; nil where all are such as the generator knows.
    ///
    /// - Parameters:
    ///   - codes: W or W+ of the generator.
    ///   - name: Their file.
    ///   - generator: Makes faces of them.
    /// - Returns: One line.
    /// - Throws: ``Core/Failure`` when the generator's latents do not differ.
    package static func warning(of codes: LatentCodes, name: String, for generator: Generator) throws -> String? {
        try last.withLock { last in
            let sha256 = generator.identity.sha256
            if let last, last.sha256 == sha256, let answer = last.answer, answer.name == name, answer.codes == codes {
                return answer.warning
            }
            let known = last?.sha256 == sha256 ? last?.distance : nil
            let own = try known ?? CodeDistance(generator)
            let warning = own.warning(of: codes, name: name, for: generator)
            last = (sha256, own, Answer(codes: codes, name: name, warning: warning))
            return warning
        }
    }

    /// Measures W of a generator on 2,500 of its latents.
    ///
    /// - Throws: ``Core/Failure`` when they do not differ.
    package init(_ generator: Generator) throws {
        let size = generator.identity.latentSize
        let w = try generator.latents(seed: .max, indices: 0..<2500)
        metric = try LatentMetric(Array(w.prefix(2000 * size)), dimension: size, ridge: 3)
        let (metric, mean) = (metric, generator.meanLatent)
        self.mean = mean
        var lengths: [Double] = []
        for start in Swift.stride(from: 2000 * size, to: w.count, by: size) {
            lengths.append(metric.length((0..<size).map { Double(w[start + $0]) - Double(mean[$0]) }))
        }
        lengths.sort()
        unit = max(lengths[lengths.count / 2], .leastNormalMagnitude)
        limit = max(CodeDistance.fromMeanLimit, 1.05 * lengths[lengths.count - 1] / unit)
    }

    /// The distances of codes.
    ///
    /// - Parameter codes: W or W+ of the generator.
    /// - Returns: One a code: root mean squares over its rows.
    package func measures(_ codes: LatentCodes) -> [Measure] {
        let (rows, size) = (codes.rows, codes.size)
        return (0..<codes.count).map { code in
            var (fromMean, betweenRows) = (0.0, 0.0)
            let start = code * rows * size
            let middle = (0..<size).map { i in
                (0..<rows).reduce(0.0) { $0 + Double(codes.values[start + $1 * size + i]) } / Double(rows)
            }
            for row in 0..<rows {
                let values = codes.values[start + row * size..<start + (row + 1) * size]
                let length = metric.length(zip(values, mean).map { Double($0) - Double($1) })
                let spread = rows == 1 ? 0 : metric.length(zip(values, middle).map { Double($0) - $1 })
                fromMean += length * length
                betweenRows += spread * spread
            }
            return Measure(
                fromMean: (fromMean / Double(rows)).squareRoot() / unit,
                betweenRows: (betweenRows / Double(rows)).squareRoot() / unit)
        }
    }

    private func warning(of codes: LatentCodes, name: String, for generator: Generator) -> String? {
        let mixes = type(of: generator.network).isTrainedOnMixedRows
        func isFar(_ measure: Measure) -> Bool { measure.fromMean > limit }
        func isApart(_ measure: Measure) -> Bool { !mixes && measure.betweenRows > CodeDistance.betweenRowsLimit }
        let found = measures(codes)
        let (far, apart) = (found.filter(isFar), found.filter(isApart))
        let count = found.count { isFar($0) || isApart($0) }
        guard count > 0 else { return nil }
        func times(_ value: Double?) -> String { "\(((value ?? 0) * 10).rounded() / 10)" }
        var parts: [String] = []
        if !far.isEmpty {
            parts.append("up to \(times(far.map(\.fromMean).max())) times as far from the mean as its own w")
        }
        if !apart.isEmpty {
            parts.append("with rows up to \(times(apart.map(\.betweenRows).max())) times as far apart as W is wide")
        }
        let advice =
            mixes || codes.rows == 1
            ? "pull them in with `toward mean 0.5`, or check whose codes they are"
            : "import a StyleGAN2-FFHQ for codes of its encoders, or pull them in with `toward mean 0.5`"
        return "\(name): \(count) of \(found.count) codes lie far from W of generator \(generator.identity.name), "
            + "\(parts.joined(separator: " and ")): most such faces melt; \(advice)"
    }
}
