import Core
import Foundation
import Weights

/// What a trained network's file says of itself, besides its weights.
public protocol NetworkCard: Codable {
    /// What the file's metadata call it, such as `directions.encoder`.
    static var format: String { get }
    /// What messages call it, such as `encoder`.
    static var kind: String { get }
    /// The verb that makes such files.
    static var trainer: String { get }

    /// Checks the numbers of the network's shape.
    ///
    /// - Throws: ``Core/Failure`` naming the first that is out of range.
    func validate() throws
}

/// Files of trained networks: safetensors whose metadata hold a card.
package enum NetworkFile {
    /// Writes a network, whole or not at all.
    ///
    /// - Parameters:
    ///   - card: What it says of itself.
    ///   - weights: Its tensors; those of more than one axis are rounded to half precision.
    ///   - others: Tensors that are kept as they are.
    ///   - path: The file.
    /// - Throws: ``Core/Failure`` when it can't be written.
    package static func write(
        _ card: some NetworkCard, weights: [String: TensorData], others: [String: TensorData] = [:], to path: String
    ) throws {
        let tensors = try weights.mapValues { $0.shape.count > 1 ? try $0.half() : $0 }
        let metadata = [
            "format": type(of: card).format, "version": "1", "card": try TrainingState.encode(card),
        ]
        try SafetensorsFile(tensors: tensors.merging(others) { $1 }, metadata: metadata).write(to: path)
    }

    /// What a file says of itself.
    ///
    /// - Parameters:
    ///   - type: The card that is expected.
    ///   - file: The file.
    ///   - name: Its name, for messages.
    /// - Returns: Its card, in range.
    /// - Throws: ``Core/Failure`` naming the file: damaged, or of another kind.
    package static func card<Card: NetworkCard>(
        _ type: Card.Type, of file: SafetensorsFile, name: String
    ) throws -> Card {
        guard file.metadata["format"] == Card.format, file.metadata["version"] == "1" else {
            throw Failure(
                name, "is no \(Card.kind) of this program's format",
                "use a file that `directions \(Card.trainer)` made")
        }
        do {
            let card = try TrainingState.decoder.decode(
                Card.self, from: Data((file.metadata["card"] ?? "").utf8))
            try card.validate()
            return card
        } catch is DecodingError {
            throw Failure(name, "has a card that can't be understood", "get the file again")
        }
    }
}
