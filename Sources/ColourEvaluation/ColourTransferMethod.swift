import Colourisation
import Core
import Images

/// Another method's colours moved to those of given pictures by closed-form transfer, under the photograph's own luminance.
public struct ColourTransferMethod: ColourMethod {
    /// Whose colours are given.
    public enum Reference: String, Sendable, CaseIterable {
        /// The photograph's own: what a method could do that is told the answer.
        case own
        /// The next photograph's: another person's.
        case other
    }

    public let name: String
    public let title: String
    private let colours: any ColourMethod
    private let reference: Reference

    /// - Parameters:
    ///   - colours: The method whose colours are moved.
    ///   - reference: Whose colours are given.
    public init(_ colours: any ColourMethod, reference: Reference) {
        self.colours = colours
        self.reference = reference
        name = "\(colours.name)-transfer-\(reference.rawValue)"
        title = "\(colours.title), moved to \(reference.rawValue) colours"
    }

    public func wanted(_ truth: ImageBatch) -> ImageBatch { reference.pictures(of: truth) }

    public func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch {
        let found = try colours.coloured(grey, truth: truth)
        let wanted = wanted(truth)
        let pictures = grey.images.enumerated().map { index, image in
            let chroma = Chroma(of: found, index: index)
            let target = ChromaStatistics(of: Chroma(of: wanted, index: index))
            let moved = ChromaStatistics(of: chroma).moved(chroma, to: target)
            return FilmStock.panchromatic.grey(of: image).coloured(by: moved)
        }
        return ImageBatch(pictures, side: grey.side)
    }
}

extension ColourTransferMethod.Reference {
    /// The pictures whose colours are given to each of some photographs.
    ///
    /// - Parameter truth: The photographs in their true colours.
    /// - Returns: They themselves, or each the next one of the batch.
    public func pictures(of truth: ImageBatch) -> ImageBatch {
        self == .own ? truth : truth.gathered((0..<truth.count).map { ($0 + 1) % truth.count })
    }
}
