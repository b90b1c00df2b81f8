import Core
import Foundation
import Generators
import Images
import Latents
import Synchronization
import Tensors

/// A consultation at work: puts what a photograph has and its code's face lacks onto the generator's features.
///
/// For example, a photograph's face and an edit of it:
///
/// ```swift
/// let consultation = try FaceConsultation("faces.consultation.safetensors", generator: generator)
/// let consulted = try consultation.faces(of: codes, photographs: photographs, isGrey: false)
/// let smiling = try consulted.faces(edited)
/// ```
public final class FaceConsultation: Sendable {
    /// What its file says of it.
    public let card: ConsultationCard
    private let network: Mutex<ConsultationNetwork>
    private let synthesizer: any FeatureSynthesizer
    private let device: Device

    /// Pictures that are worked on together: their features take 8 MB each.
    private static let batch = 4

    /// - Parameters:
    ///   - path: The consultation's file.
    ///   - generator: The generator whose features it changes.
    ///   - device: Where it computes.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or of another generator (conflict).
    public convenience init(_ path: String, generator: Generator, device: Device = .cpu) throws {
        let (card, network) = try ConsultationFile.read(path, device: device)
        guard card.generator == generator.identity.sha256 else {
            throw Failure(
                path,
                "changes features of another generator (\(card.generatorName)), not of \(generator.identity.name)",
                "train one for this generator with `directions train-consultation`", kind: .conflict)
        }
        try self.init(card: card, network: network, synthesizer: generator.featureSynthesizer())
    }

    /// A consultation of networks that are there; they are the consultation's from now on.
    ///
    /// - Parameters:
    ///   - card: What it says of itself.
    ///   - network: Its networks.
    ///   - synthesizer: Whose features are changed.
    /// - Throws: ``Core/Failure`` when the generator has no such features.
    public init(
        card: ConsultationCard, network: sending ConsultationNetwork, synthesizer: any FeatureSynthesizer
    ) throws {
        guard synthesizer.featureChannels(side: card.configuration.side) == card.configuration.channels else {
            throw Failure(
                "consultation \(card.name)",
                "changes \(card.configuration.channels) features of \(card.configuration.side) pixels, which the generator lacks",
                "train one for this generator", kind: .conflict)
        }
        self.card = card
        device = network.device
        self.network = Mutex(network)
        self.synthesizer = synthesizer
    }

    /// The consultation of the default generator's encoder that comes with the program; nil where it was left out.
    public static var shippedPath: String? {
        Bundle.module.path(forResource: "faces.consultation", ofType: "safetensors", inDirectory: "Resources")
    }

    /// Whether it was trained on such photographs.
    public func fits(isGrey: Bool) -> Bool { card.configuration.residual(isGrey: isGrey) != nil }

    /// The faces of some photographs' codes with what the photographs have beyond them.
    ///
    /// - Parameters:
    ///   - codes: The photographs' codes, unedited.
    ///   - photographs: Aligned faces in FFHQ's frame, RGB in [-1, 1], of any size.
    ///   - isGrey: Whether they are without colours.
    /// - Returns: What makes faces of the codes and of edits of them.
    /// - Throws: ``Core/Failure`` (usage) for photographs that it was not trained on, or when it can't be computed.
    public func faces(of codes: LatentCodes, photographs: ImageBatch, isGrey: Bool) throws -> ConsultedFaces {
        guard let residual = card.configuration.residual(isGrey: isGrey) else {
            throw Failure(
                "consultation \(card.name)", "was not trained on \(isGrey ? "grey" : "colour") photographs",
                "train one with such a residual, or leave it out", kind: .usage)
        }
        let size = card.configuration.size
        let plain = try synthesizer.synthesize(
            codes, size: synthesizer.sizes.smallest(covering: size), noise: .none
        ).resized(to: size)
        return ConsultedFaces(
            consultation: self, codes: codes,
            distortion: residual.distortion(photographs.resized(to: size), plain))
    }

    /// The faces of codes with a residual put onto them.
    ///
    /// - Parameters:
    ///   - codes: W or W+ codes.
    ///   - distortion: Their residuals, at the configuration's size.
    ///   - isEdited: Whether the codes are edited ones, to whose faces the residuals have to be moved.
    ///   - size: Pixels along a side of the faces, one of the generator's.
    /// - Returns: RGB, about [-1, 1].
    /// - Throws: ``Core/Failure`` when it can't be computed.
    func faces(_ codes: LatentCodes, distortion: ImageBatch, isEdited: Bool, size: Int) throws -> ImageBatch {
        var planes: [Float] = []
        for start in stride(from: 0, to: codes.count, by: FaceConsultation.batch) {
            let range = start..<min(codes.count, start + FaceConsultation.batch)
            let some = try codes.slice(range)
            let target = isEdited ? try shown(some) : nil
            let change = try change(distortion[range], onto: target)
            planes += try synthesizer.synthesize(some, size: size, noise: .none, change: change).planes
        }
        return ImageBatch(planes, side: size)
    }

    private func shown(_ codes: LatentCodes) throws -> ImageBatch {
        let size = card.configuration.size
        return try synthesizer.synthesize(
            codes, size: synthesizer.sizes.smallest(covering: size), noise: .none
        ).resized(to: size)
    }

    /// The change of features that residuals ask for.
    ///
    /// - Parameters:
    ///   - distortion: At the configuration's size.
    ///   - pictures: Edited faces, to which the residuals are moved first; nil where they lie already.
    /// - Returns: The change.
    /// - Throws: ``Core/Failure`` when it can't be computed.
    public func change(_ distortion: ImageBatch, onto pictures: ImageBatch?) throws -> FeatureChange {
        let shape = card.configuration
        func tensor(_ images: ImageBatch) throws -> Tensor {
            try Tensor(images.planes, shape: [images.count, 3, images.side, images.side], device: device)
        }
        let (scale, shift) = try network.withLock { network in
            try Torch.withoutGradients {
                var residual = try tensor(distortion)
                if let pictures { residual = try network.aligned(residual, to: tensor(pictures)) }
                let (scale, shift) = try network.change(residual)
                return (
                    try scale.to(device: .cpu).contiguous().floats(), try shift.to(device: .cpu).contiguous().floats()
                )
            }
        }
        return try FeatureChange(
            side: shape.side, scale: FeatureMaps(scale, channels: shape.channels, side: shape.side),
            shift: FeatureMaps(shift, channels: shape.channels, side: shape.side))
    }
}

/// Faces of photographs' codes with the photographs' own details, and edits of them.
public struct ConsultedFaces: Sendable {
    let consultation: FaceConsultation
    let codes: LatentCodes
    let distortion: ImageBatch

    /// The unedited faces.
    ///
    /// - Parameter size: Pixels along a side, one of the generator's.
    /// - Returns: RGB, about [-1, 1].
    /// - Throws: ``Core/Failure`` when they can't be computed.
    public func faces(size: Int) throws -> ImageBatch {
        try consultation.faces(codes, distortion: distortion, isEdited: false, size: size)
    }

    /// The faces of edited codes, to which the unedited faces' residuals are moved; unedited ones where nothing was edited.
    ///
    /// - Parameters:
    ///   - edited: As many codes as photographs.
    ///   - size: Pixels along a side, one of the generator's.
    /// - Returns: RGB, about [-1, 1].
    /// - Throws: ``Core/Failure`` when they can't be computed.
    public func faces(_ edited: LatentCodes, size: Int) throws -> ImageBatch {
        if edited.values == codes.values { return try faces(size: size) }
        return try consultation.faces(edited, distortion: distortion, isEdited: true, size: size)
    }
}
