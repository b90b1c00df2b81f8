import Crypto
import Foundation

/// SHA-256 digests as 64 lower-case hexadecimal digits.
public enum Hashing {
    /// The digest of bytes in memory.
    public static func sha256(_ data: Data) -> String { hex(SHA256.hash(data: data)) }

    /// The digest of a file, read in pieces of 1 MiB.
    ///
    /// - Throws: ``Failure`` naming the file when it can't be read.
    public static func sha256(file path: String) throws -> String {
        guard let file = fopen(path, "rb") else { throw AtomicFile.systemFailure(path, "cannot be read") }
        defer { fclose(file) }
        var hasher = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            buffer.withUnsafeBytes { hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        if ferror(file) != 0 { throw AtomicFile.systemFailure(path, "cannot be read") }
        return hex(hasher.finalize())
    }

    private static func hex(_ digest: SHA256.Digest) -> String {
        digest.map { String(format: "%02x", $0) }.joined()
    }
}
