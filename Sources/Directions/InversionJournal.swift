import Core
import Foundation
import Inversion

/// What searches have found of single photographs, so that an evaluation of hours that was stopped goes on where it was.
///
/// A line of JSON for each photograph, in the workspace's reports.
struct InversionJournal {
    /// What was measured of a photograph.
    struct Figures: Codable {
        /// The method, its budget, settings and networks: what the figures hang on beside the photograph.
        var key: String
        /// SHA-256 of the photograph's file.
        var picture: String
        /// The mean squared error at 256², of pictures in [-1, 1].
        var l2: Double
        /// LPIPS by AlexNet at 256².
        var lpips: Double
        /// The cosine of face embeddings; nil without a network.
        var identity: Double?
        /// Seconds that it took.
        var seconds: Double
    }

    private let path: String
    private var lines: [Figures] = []

    /// - Parameter path: The file, which need not be there.
    /// - Throws: ``Core/Failure`` naming the file when it can't be read, or holds something else.
    init(_ path: String) throws {
        self.path = path
        guard FileManager.default.fileExists(atPath: path) else { return }
        let decoder = JSONDecoder()
        lines = try AtomicFile.read(path).split(separator: UInt8(ascii: "\n")).map {
            guard let line = try? decoder.decode(Figures.self, from: $0) else {
                throw Failure(path, "has a line that is no photograph's figures", "move the file away")
            }
            return line
        }
    }

    /// Leaves out what was found of one key, which is measured anew; the file stays as it is until figures are added.
    mutating func forget(_ key: String) { lines.removeAll { $0.key == key } }

    /// The figures of one key by SHA-256 of the photograph.
    func figures(key: String) -> [String: Figures] {
        Dictionary(lines.filter { $0.key == key }.map { ($0.picture, $0) }) { first, _ in first }
    }

    /// Adds figures, and writes the file.
    ///
    /// - Throws: ``Core/Failure`` naming the file when it can't be written.
    mutating func add(_ figures: [Figures]) throws {
        lines += figures
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var data = Data()
        for line in lines { data += try encoder.encode(line) + [UInt8(ascii: "\n")] }
        try AtomicFile.write(data, to: path)
    }
}

extension InversionJournal.Figures {
    /// What was measured of a found code.
    init(_ found: Inversion, key: String = "", picture: String = "") {
        self.init(
            key: key, picture: picture, l2: Double(found.error), lpips: Double(found.perceptual),
            identity: found.identity.map(Double.init), seconds: found.seconds)
    }
}
