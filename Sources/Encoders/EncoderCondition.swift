import Colourisation
import Core
import Images

/// Colours that an encoder is told besides the grey photograph.
public struct EncoderCondition: Sendable, Codable, Equatable {
    /// What is told.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Histograms of red and green, red and blue, green and blue, through transposed convolutions (the paper's).
        case histogram2d
        /// Histograms of red, green and blue, repeated over a map (the paper's).
        case histogram1d
        /// A histogram of chroma, whatever its luminance, as offsets on the rows of the code that hold colours.
        case chroma
    }

    /// How histograms come to a map of the encoder.
    public enum Merge: String, Sendable, Codable, CaseIterable {
        case add, concat
    }

    /// What is told.
    public var kind: Kind
    /// How histograms come to a map.
    public var merge: Merge
    /// Which map, by its pixels along a side where the encoder sees 256: 16, 32 or 64.
    public var mergeSize: Int
    /// The first of StyleGAN2's rows that `chroma` changes.
    public var firstRow = 8

    /// - Parameters:
    ///   - kind: What is told.
    ///   - merge: How histograms come to a map.
    ///   - mergeSize: Which map: 16, 32 or 64.
    public init(_ kind: Kind, merge: Merge = .concat, mergeSize: Int = 64) {
        self.kind = kind
        self.merge = merge
        self.mergeSize = mergeSize
    }

    /// Pixels of the picture along a side to one of the map.
    var stride: Int { 256 / mergeSize }

    /// Bins of a histogram's axis.
    var bins: Int {
        switch kind {
        case .histogram2d: 16
        case .histogram1d: 256
        case .chroma: ChromaHistogram.bins
        }
    }

    /// The shape of what is told of one picture.
    package var shape: [Int] {
        switch kind {
        case .histogram2d: [3, bins, bins]
        case .histogram1d: [3 * bins]
        case .chroma: [bins * bins]
        }
    }

    /// What is told of some pictures' colours.
    ///
    /// Square roots of shares, in units of a uniform histogram's: differences of them are Hellinger's distance.
    ///
    /// - Parameter pictures: RGB in [-1, 1].
    /// - Returns: A vector for each picture.
    public func values(of pictures: ImageBatch) -> [[Float]] {
        (0..<pictures.count).map { index in
            let picture = pictures[index..<index + 1]
            switch kind {
            case .chroma: return values(of: ChromaHistogram(of: Chroma(of: picture)))
            case .histogram2d: return scaled(RGBHistogram(of: picture, bins: bins, isJoint: true).shares)
            case .histogram1d: return scaled(RGBHistogram(of: picture, bins: bins, isJoint: false).shares)
            }
        }
    }

    /// What is told of a histogram of chroma.
    public func values(of histogram: ChromaHistogram) -> [Float] { scaled(histogram.shares) }

    private func scaled(_ shares: [Float]) -> [Float] {
        let uniform = Float(kind == .histogram1d ? bins : bins * bins)
        return shares.map { ($0 * uniform).squareRoot() }
    }

    /// Checks every number.
    ///
    /// - Throws: ``Core/Failure`` when one is out of range: a damaged or hostile file.
    func validate(rows: Int) throws {
        guard [16, 32, 64].contains(mergeSize), kind != .chroma || 0..<rows ~= firstRow else {
            throw Failure(
                "condition \(kind.rawValue)", "has numbers out of range (merge size \(mergeSize))",
                "merge at 16, 32 or 64 pixels", kind: .usage)
        }
    }
}
