import Core
import Images
import Latents

/// Which faces to make, unedited.
public struct SynthRequest: Sendable {
    /// Which faces.
    public var faces: FaceSource
    /// How they are made.
    public var rendering: FaceRendering
    /// The generator's name in the workspace.
    public var generator: String
    /// What is left of the codes' distance from the mean of W, 0 to 1: w = mean + t · (w − mean).
    public var towardMean: Float

    /// - Parameters:
    ///   - faces: Which faces.
    ///   - rendering: How they are made.
    ///   - generator: The generator's name in the workspace.
    ///   - towardMean: What is left of the codes' distance from the mean of W, 0 to 1.
    public init(
        _ faces: FaceSource, rendering: FaceRendering = FaceRendering(), generator: String = "default",
        towardMean: Float = 1
    ) {
        self.faces = faces
        self.rendering = rendering
        self.generator = generator
        self.towardMean = towardMean
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for no faces, or a number out of range.
    public func validate() throws {
        try faces.validate()
        try Session.checkTowardMean(towardMean)
        try rendering.validate()
    }
}

/// Faces and where they come from.
public struct SynthResult: Sendable, FacePictures {
    /// W or W+.
    public let codes: LatentCodes
    /// The faces, in about [-1, 1].
    public let images: ImageBatch
    /// A label for each.
    public let labels: [String]

    /// The faces, of which there always are some.
    public var pictures: ImageBatch? { images }
    /// The faces' labels.
    public var frameNames: [String] { labels }

    /// The one face, or several as a grid.
    ///
    /// - Parameter hasLabels: Whether their labels stand under several.
    /// - Returns: The picture.
    /// - Throws: ``Core/Failure`` (usage) when the grid would be too large.
    public func picture(hasLabels: Bool = true) throws -> Image {
        let images = images.images
        if images.count == 1 { return images[0] }
        let grid = Grid(images, captions: labels)
        return try (hasLabels ? grid : grid.unlabelled).rendered()
    }
}

extension Session {
    /// Makes faces of seeds, latents or codes, without any edit.
    ///
    /// - Throws: ``Core/Failure``: a request out of range (usage), no such generator or latent (not found), codes of another
    ///   generator, or a stop.
    public func synth(_ request: SynthRequest) throws -> SynthResult {
        try request.validate()
        let generator = try generator(request.generator)
        let (codes, labels) = try codes(
            request.faces, of: generator, named: request.generator, towardMean: request.towardMean)
        var faces = try images(codes, generator: generator, rendering: request.rendering, label: "synth")
        if case .photographs(let source) = request.faces {
            // Those that the generator was tuned to are made by what came of it.
            for (index, photograph) in try codedPhotographs(source, generator: request.generator).enumerated() {
                guard let tuning = photograph.tuning else { continue }
                let own = try images(
                    codes.slice(index..<index + 1), generator: tuned(generator, by: tuning),
                    rendering: request.rendering,
                    label: "synth")
                faces.planes.replaceSubrange(index * faces.stride..<(index + 1) * faces.stride, with: own.planes)
            }
        }
        return SynthResult(codes: codes, images: faces, labels: labels)
    }
}
