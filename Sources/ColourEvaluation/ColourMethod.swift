import Colourisation
import Core
import Images

/// A way to colour grey photographs: a row of the table.
///
/// For example, a network's row:
///
/// ```swift
/// struct OwnNetwork: ColourMethod {
///     let name = "own", title = "my network"
///     func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch { try network.colours(of: grey) }
/// }
/// ```
public protocol ColourMethod: Sendable {
    /// What the row is called in files: lower case and hyphens.
    var name: String { get }
    /// What it is called for people.
    var title: String { get }
    /// The photographs in colour.
    ///
    /// - Parameters:
    ///   - grey: Aligned faces at 256², grey by Rec. 601, RGB in [-1, 1].
    ///   - truth: The same in their true colours. Only a method that is told more than the grey picture may look at them, such as
    ///     one that is given the wanted histogram, and its title says so.
    /// - Returns: As many pictures of the same size.
    /// - Throws: ``Core/Failure`` when they can't be computed.
    func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch
    /// Pictures whose colours it was asked for: the true ones, or of a method that is given others' colours these.
    ///
    /// - Parameter truth: The photographs in their true colours.
    /// - Returns: As many pictures.
    func wanted(_ truth: ImageBatch) -> ImageBatch
}

extension ColourMethod {
    public func wanted(_ truth: ImageBatch) -> ImageBatch { truth }
}

/// No colour: what any colouring has to beat.
public struct GreyItself: ColourMethod {
    public let name = "grey"
    public let title = "grey itself"
    public init() {}
    public func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch { grey }
}

/// The true pictures: what no colouring can beat.
public struct TruePictures: ColourMethod {
    public let name = "real"
    public let title = "real against real"
    public init() {}
    public func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch { truth }
}

/// Some colours under the photograph's own luminance.
public struct TintMethod: ColourMethod {
    public let name: String
    public let title: String
    private let tint: any Tint

    /// - Parameters:
    ///   - name: What the row is called in files.
    ///   - title: What it is called for people.
    ///   - tint: The colours.
    public init(_ name: String, title: String, _ tint: any Tint) {
        self.name = name
        self.title = title
        self.tint = tint
    }

    /// One mean colour, one by place, and one by luminance.
    public static func all(_ statistics: TintStatistics) -> [TintMethod] {
        [
            TintMethod("tint-mean", title: "own luminance, one mean chroma", statistics.mean),
            TintMethod("tint-place", title: "own luminance, mean chroma by place", statistics.byPlace),
            TintMethod("tint-luminance", title: "own luminance, mean chroma by luminance", statistics.byLuminance),
        ]
    }

    public func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch {
        let pictures = grey.images.map { image in
            let plane = FilmStock.panchromatic.grey(of: image)
            return plane.coloured(by: tint.chroma(for: plane))
        }
        return ImageBatch(pictures, side: grey.side)
    }
}

/// Another method's colours under the photograph's own luminance.
public struct OwnLuminance: ColourMethod {
    public let name: String
    public let title: String
    private let colours: any ColourMethod
    private let filter: ChromaCleaning

    /// - Parameters:
    ///   - name: What the row is called in files.
    ///   - title: What it is called for people.
    ///   - colours: The method whose colours are taken.
    ///   - filter: How they are made to follow the photograph's edges.
    public init(
        _ name: String, title: String, colours: any ColourMethod, filter: ChromaCleaning = ChromaCleaning()
    ) {
        self.name = name
        self.title = title
        self.colours = colours
        self.filter = filter
    }

    public func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch {
        let found = try colours.coloured(grey, truth: truth)
        let pictures = grey.images.enumerated().map { index, image in
            let plane = FilmStock.panchromatic.grey(of: image)
            return plane.coloured(by: filter.cleaned(Chroma(of: found, index: index), guide: plane))
        }
        return ImageBatch(pictures, side: grey.side)
    }
}
