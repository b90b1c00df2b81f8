import Core
import Foundation
import Inversion

/// What searches have found of single photographs, so that an evaluation of hours that was stopped goes on where it was.
///
/// A line of JSON for each photograph, in the workspace's reports.
struct InversionJournal {
    /// What was measured of a photograph.
    struct Figures: Codable {
        /// The method, its budget and its networks: what the figures hang on beside the photograph.
        var key: String
        /// SHA-256 of the photograph's file.
        var picture: String
        var l2: Double
        var lpips: Double
        var identity: Double?
        var seconds: Double
    }

    private let path: String
    private var lines: [Figures] = []

    /// - Parameters:
    ///   - path: The file.
    ///   - resumes: Whether what it holds is gone on with; else it is begun anew.
    /// - Throws: ``Core/Failure`` naming the file when it can't be read.
    init(_ path: String, resumes: Bool) throws {
        self.path = path
        guard resumes, FileManager.default.fileExists(atPath: path) else { return }
        let decoder = JSONDecoder()
        lines = try AtomicFile.read(path).split(separator: UInt8(ascii: "\n")).map {
            guard let line = try? decoder.decode(Figures.self, from: $0) else {
                throw Failure(path, "has a line that is no photograph's figures", "remove the file, or begin anew")
            }
            return line
        }
    }

    /// The figures of a photograph; nil where it was not measured.
    func figures(_ picture: String, key: String) -> Figures? {
        lines.first { $0.picture == picture && $0.key == key }
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
