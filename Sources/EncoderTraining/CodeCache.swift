import Core
import Encoders
import Foundation
import Images
import Inversion
import Latents

/// Codes of a training's photographs by an encoder that does not change, each found once and kept in a file.
///
/// Photographs are looked at one by one, so that a code does not depend on the company that it was first asked for in.
final class CodeCache {
    private let files: [String]
    private let encoder: any PhotographEncoder
    private let side: Int
    private let rows: Int
    private let size: Int
    private let file: FileHandle

    /// - Parameters:
    ///   - files: The photographs.
    ///   - encoder: Gives their codes.
    ///   - side: Pixels along a side at which photographs are taken.
    ///   - rows: Rows of a code.
    ///   - size: Components of a row.
    ///   - path: The file; one of the same photographs and encoder is gone on with.
    /// - Throws: ``Core/Failure`` when the file can't be opened.
    init(
        _ files: [String], encoder: any PhotographEncoder, side: Int, rows: Int, size: Int, path: String
    ) throws {
        self.files = files
        self.encoder = encoder
        (self.side, self.rows, self.size) = (side, rows, size)
        if !FileManager.default.fileExists(atPath: path) {
            guard FileManager.default.createFile(atPath: path, contents: Data(count: 2 * files.count)) else {
                throw Failure(path, "can't be written", "check the folder and the space on the disk")
            }
        }
        guard let handle = FileHandle(forUpdatingAtPath: path) else {
            throw Failure(path, "can't be opened", "delete the file; codes are found anew")
        }
        file = handle
    }

    /// What tells a cache's file: the photographs, and the encoder.
    static func key(_ files: [String], encoder: String) -> String {
        String(Hashing.sha256(Data((files.joined(separator: "\n") + encoder).utf8)).prefix(12))
    }

    /// A photograph, as it is compared.
    func photograph(_ index: Int) throws -> ImageBatch {
        ImageBatch([try Image.read(files[index]).centredSquare(size: side)], side: side)
    }

    /// The codes of some photographs in colour or grey.
    ///
    /// - Parameter photographs: By number, each with the picture, and whether its colours are taken away first.
    /// - Returns: [count, rows, size].
    /// - Throws: ``Core/Failure`` of the encoder, or of the file.
    func codes(_ photographs: [(index: Int, picture: ImageBatch, isGrey: Bool)]) throws -> LatentCodes {
        var values: [Float] = []
        for (index, picture, isGrey) in photographs {
            let slot = 2 * index + (isGrey ? 1 : 0)
            if let known = try read(slot) {
                values += known
            } else {
                let found = try encoder.codes(of: isGrey ? picture.grey() : picture).values
                try write(found, slot)
                values += found
            }
        }
        return try LatentCodes(values, rows: rows, size: size)
    }

    /// Bytes of a code; codes follow a byte for each that says whether it is there.
    private var bytes: Int { rows * size * MemoryLayout<Float>.size }

    private func read(_ slot: Int) throws -> [Float]? {
        try file.seek(toOffset: UInt64(slot))
        guard try file.read(upToCount: 1)?.first == 1 else { return nil }
        try file.seek(toOffset: UInt64(2 * files.count + slot * bytes))
        guard let data = try file.read(upToCount: bytes), data.count == bytes else { return nil }
        return data.withUnsafeBytes { raw in
            (0..<rows * size).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }

    private func write(_ code: [Float], _ slot: Int) throws {
        guard code.count == rows * size else {
            throw Failure("codes", "have \(code.count) values, not \(rows) x \(size)", "use this generator's encoder")
        }
        try file.seek(toOffset: UInt64(2 * files.count + slot * bytes))
        try file.write(contentsOf: code.withUnsafeBytes { Data($0) })
        try file.seek(toOffset: UInt64(slot))
        try file.write(contentsOf: Data([1]))
    }
}
