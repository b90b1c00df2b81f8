import Colourisation
import Core
import Foundation
import Images
import Synchronization
import Tensors

/// A network that colours grey faces, at work.
///
/// For example:
///
/// ```swift
/// let colours = try FaceColours("faces.colorizer.safetensors")
/// let chroma = try colours.chroma(of: faces)[0]  // of low resolution, to be laid along the photograph's edges
/// ```
public final class FaceColours: Sendable {
    /// What its file says of it.
    public let card: ColourCard
    private let network: Mutex<ColourNetwork>
    private let device: Device

    /// Pictures that are looked at together.
    private static let batch = 8

    /// - Parameters:
    ///   - path: The colouriser's file.
    ///   - device: Where it computes.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or no colouriser.
    public convenience init(_ path: String, device: Device = .cpu) throws {
        let (card, network) = try ColourFile.read(path, device: device)
        self.init(card: card, network: network)
    }

    /// A colouriser of a network that is there; the network is the colouriser's from now on.
    ///
    /// - Parameters:
    ///   - card: What it says of itself.
    ///   - network: Its network.
    public init(card: ColourCard, network: sending ColourNetwork) {
        self.card = card
        device = network.device
        self.network = Mutex(network)
    }

    /// The colouriser that comes with the program; nil where it was left out.
    public static var shippedPath: String? {
        Bundle.module.path(forResource: "faces.colorizer", ofType: "safetensors", inDirectory: "Resources")
    }

    /// The colours of some faces: the mean of each and of its mirror image, so that no side is another than the other.
    ///
    /// - Parameter faces: Aligned in FFHQ's frame, RGB in [-1, 1], of any size; their own colours are not looked at.
    /// - Returns: For each face Cb and Cr at a quarter of the network's input size.
    /// - Throws: ``Core/Failure`` when they can't be computed.
    public func chroma(of faces: ImageBatch) throws -> [Chroma] { try shares(of: faces).map(\.chroma) }

    /// How likely each colour is at each place of some faces, in the mean of each and of its mirror image.
    ///
    /// - Parameter faces: Aligned in FFHQ's frame, RGB in [-1, 1], of any size; their own colours are not looked at.
    /// - Returns: For each face, at a quarter of the network's input size.
    /// - Throws: ``Core/Failure`` when they can't be computed.
    public func shares(of faces: ImageBatch) throws -> [ColourShares] {
        let configuration = card.configuration
        let (input, side) = (configuration.backbone.inputSize, configuration.side)
        let grey = faces.luma().resized(to: input)
        let size = configuration.bins.count * side * side
        var result: [ColourShares] = []
        for start in stride(from: 0, to: faces.count, by: FaceColours.batch) {
            let part = grey[start..<min(faces.count, start + FaceColours.batch)]
            let values = try network.withLock { network in
                try Torch.withoutGradients {
                    let one = try Tensor(part.planes, shape: [part.count, 1, input, input], device: device)
                    let pictures = try one.expanded([part.count, 3, input, input])
                    let straight = try network.shares(network.logits(pictures.contiguous(channelsLast: true)))
                    let mirrored = try network.shares(
                        network.logits(pictures.flipped(axis: 3).contiguous(channelsLast: true))
                    ).flipped(axis: 3)
                    return try straight.added(to: mirrored).scaled(by: 0.5).to(device: .cpu).contiguous().floats()
                }
            }
            result += (0..<part.count).map {
                ColourShares(Array(values[$0 * size..<($0 + 1) * size]), bins: configuration.bins, side: side)
            }
        }
        return result
    }
}
