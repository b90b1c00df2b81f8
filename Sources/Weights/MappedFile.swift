import Core
import Foundation

/// A file's bytes by a read-only mapping: what nobody looks at takes no memory.
///
/// For example:
///
/// ```swift
/// let file = try MappedFile("e4e_ffhq_encode.pt")
/// let value = try TorchFile.open(file.data, name: "e4e_ffhq_encode.pt")
/// ```
public final class MappedFile: Sendable {
    /// The whole file; slices of it share the mapping, which lives as long as any of them.
    public let data: Data
    private let isMapped: Bool

    /// Maps a plain file; anything else that can be read, such as a pipe, is read into memory.
    ///
    /// - Throws: ``Core/Failure`` naming the file: a folder, missing, or not readable.
    public init(_ path: String) throws {
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AtomicFile.systemFailure(path, "cannot be read") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw AtomicFile.systemFailure(path, "cannot be read") }
        if status.st_mode & S_IFMT == S_IFDIR { throw Failure(path, "is a folder, not a file", "name a file in it") }
        let count = Int(status.st_size)
        guard status.st_mode & S_IFMT == S_IFREG, count > 0 else {
            data = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).readAll()
            isMapped = false
            return
        }
        guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw AtomicFile.systemFailure(path, "cannot be read")
        }
        data = Data(bytesNoCopy: start, count: count, deallocator: .custom { munmap($0, $1) })
        isMapped = true
    }

    /// Gives back the memory of what was looked at; it comes from the file again when it is looked at again.
    public func dropResident() {
        guard isMapped else { return }
        data.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            // The mapping begins at a page and is never written to, so nothing can be lost.
            _ = madvise(UnsafeMutableRawPointer(mutating: start), bytes.count, MADV_DONTNEED)
        }
    }
}

extension Data {
    /// The same bytes with indices from 0, without a copy of anything large.
    func rebased() -> Data {
        if startIndex == 0 { return self }
        guard count >= 64 else { return Data(self) }
        let owner = self
        return owner.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return Data() }
            // Bytes of this many lie outside of the value itself; the captured one keeps them where they are.
            return Data(
                bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count,
                deallocator: .custom { _, _ in withExtendedLifetime(owner) {} })
        }
    }
}
