import CCrypto
import Foundation

/// SHA-256 digests as 64 lower-case hexadecimal digits.
public enum Hashing {
    /// The digest of bytes in memory.
    public static func sha256(_ data: Data) -> String {
        var digest = Digest()
        data.withUnsafeBytes { digest.update($0) }
        return digest.finish()
    }

    /// The digest of a file, read in pieces of 1 MiB.
    ///
    /// - Throws: ``Failure`` naming the file when it can't be read.
    public static func sha256(file path: String) throws -> String {
        guard let file = fopen(path, "rb") else { throw AtomicFile.systemFailure(path, "cannot be read") }
        defer { fclose(file) }
        var digest = Digest()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            buffer.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        if ferror(file) != 0 { throw AtomicFile.systemFailure(path, "cannot be read") }
        return digest.finish()
    }

    /// A running digest by OpenSSL's libcrypto.
    private struct Digest: ~Copyable {
        private let context: OpaquePointer

        init() {
            guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
                fatalError("libcrypto offers no SHA-256")
            }
            self.context = context
        }

        deinit { EVP_MD_CTX_free(context) }

        mutating func update(_ bytes: UnsafeRawBufferPointer) {
            // With a valid context only a programming mistake can fail here.
            let status = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
            precondition(status == 1, "libcrypto's digest failed")
        }

        mutating func finish() -> String {
            var digest = [UInt8](repeating: 0, count: 32)
            let status = EVP_DigestFinal_ex(context, &digest, nil)
            precondition(status == 1, "libcrypto's digest failed")
            return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }
}
