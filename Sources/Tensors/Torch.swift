import CTorch
import Core
import Foundation

/// The libtorch in use: its version, devices, threads and modes.
public enum Torch {
    /// The version of libtorch that the program was built against, such as `1.13.1`.
    public static var version: String { String(cString: ct_version()) }

    /// How many CUDA devices there are; 0 with a libtorch built for CPUs, and, without loading it, where no driver is.
    public static var cudaDevices: Int {
        let hasDriver = ["/dev/nvidiactl", "/dev/dxg"].contains { FileManager.default.fileExists(atPath: $0) }
        return hasDriver ? Int(ct_cuda_count()) : 0
    }

    /// Loads libtorch now, before work is begun that will need it.
    ///
    /// - Throws: ``Core/Failure`` (not found) where it, or the library over it, is missing.
    public static func load() throws { if ct_load() < 0 { throw failure() } }

    /// Threads that one operation may use.
    public static var threads: Int { Int(ct_threads()) }

    /// Sets how many threads one operation may use.
    ///
    /// - Throws: ``Core/Failure`` for a number below 1.
    public static func setThreads(_ count: Int) throws { try check(ct_set_threads(Int32(clamping: count))) }

    /// Keeps freed memory for the next tensor instead of giving it back to the system; for long loops over large tensors.
    public static func keepFreedMemory() { _ = ct_keep_freed_memory() }

    /// Chooses deterministic or fastest kernels on CUDA, and whether float32 products may round to TF32.
    public static func setCUDAModes(deterministic: Bool, tf32: Bool) throws {
        try check(ct_set_cuda_modes(deterministic ? 1 : 0, tf32 ? 1 : 0))
    }

    /// Waits until everything asked of a device is done.
    public static func synchronize(_ device: Device) throws {
        if case .cuda(let index) = device { try check(ct_cuda_synchronize(Int32(clamping: index))) }
    }

    /// Runs `body` without recording gradients on this thread.
    public static func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
        let before = ct_set_grad_enabled(0)
        defer { _ = ct_set_grad_enabled(before) }
        return try body()
    }

    static func check(_ status: Int32) throws {
        if status < 0 { throw failure() }
    }

    /// The thread's last libtorch error; only its first line, which holds the reason.
    static func failure() -> Failure {
        let text = String(cString: ct_last_error())
        guard ct_load() == 0 else {
            return Failure(
                "libtorch", text, "install it (Debian: apt-get install libtorch-dev) and build the product TorchShim",
                kind: .notFound)
        }
        let reason = text.split(separator: "\n").first.map(String.init) ?? text
        // libtorch has no error code for it, only this text, on every device.
        let kind: Failure.Kind = reason.contains("out of memory") ? .outOfMemory : .damaged
        return Failure("libtorch", reason.isEmpty ? "failed without a reason" : reason, kind: kind)
    }
}
