import CSynthesis
import Core
import Synchronization

/// A network of the C engine: packed for this processor, with threads of its own.
///
/// Calls from several threads take turns.
final class EngineContext: Sendable {
    /// Owns the C context; only the mutex's holder uses it.
    private struct Owned: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private let owned: Mutex<Owned>
    /// The kernels in use: `avx512`, `avx2` or `portable`.
    let path: String
    /// How many threads compute.
    let threads: Int

    /// - Parameters:
    ///   - threads: How many threads compute; 0 for one a processor.
    ///   - create: `ms_create` or `sg_create` of a network, given the threads and where to put the context.
    /// - Throws: ``Failure`` for a network that the engine refuses, for a path that the processor lacks, and when memory
    ///   or threads run out.
    init(threads: Int, create: (Int32, UnsafeMutablePointer<OpaquePointer?>) -> ms_status) throws {
        guard (0...1024).contains(threads) else {
            throw Failure(
                "threads \(threads)", "is out of range", "give a number from 1 to 1024, or 0 for all", kind: .usage)
        }
        var created: OpaquePointer?
        try Self.check(create(Int32(threads), &created))
        guard let created else { throw Failure("synthesis engine", "gave no context") }
        owned = Mutex(Owned(pointer: created))
        path = String(cString: ms_path(created))
        self.threads = Int(ms_threads(created))
    }

    deinit {
        owned.withLock { ms_destroy($0.pointer) }
    }

    /// Calls C with the context, when no other thread does.
    ///
    /// - Throws: ``Failure`` for any status but success.
    func run(_ body: (OpaquePointer) throws -> ms_status) throws {
        try Self.check(owned.withLock { try body($0.pointer) })
    }

    /// Calls C to fill an array of results.
    ///
    /// - Throws: ``Failure`` for any status but success.
    func fill(
        _ count: Int, _ body: (OpaquePointer, UnsafeMutablePointer<Float>) throws -> ms_status
    ) throws -> [Float] {
        try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard count > 0, let results = buffer.baseAddress else { return }
            try run { try body($0, results) }
            initialized = count
        }
    }

    /// Calls C for gradients of codes and of a change of features.
    ///
    /// - Parameters:
    ///   - codes: How many values all codes have.
    ///   - features: Images, channels and pixels along a side.
    ///   - body: Called once, with what C needs.
    /// - Returns: Gradients of codes and of the change.
    /// - Throws: ``Failure`` for any status but success.
    func gradients(
        codes: Int, features: (count: Int, channels: Int, side: Int),
        _ body: (OpaquePointer, UnsafePointer<ms_results>) -> ms_status
    ) throws -> FeatureGradients {
        let values = features.count * features.channels * features.side * features.side
        let all = try fill(codes + 2 * values) { context, start in
            var results = ms_results(styles: start, scale: start + codes, shift: start + codes + values)
            return body(context, &results)
        }
        func maps(_ from: Int) -> FeatureMaps {
            FeatureMaps(Array(all[from..<from + values]), channels: features.channels, side: features.side)
        }
        return FeatureGradients(codes: Array(all[..<codes]), scale: maps(codes), shift: maps(codes + values))
    }

    private static func check(_ status: ms_status) throws {
        switch status {
        case ms_ok: return
        case ms_no_memory:
            throw Failure("synthesis engine", "ran out of memory", "give a smaller batch", kind: .outOfMemory)
        case ms_no_threads: throw Failure("synthesis engine", "could not start its threads", "use fewer threads")
        case ms_no_such_path:
            throw Failure(
                "synthesis engine", "lacks the path asked for on this processor",
                "unset DIRECTIONS_CPU, or give portable, avx2 or avx512", kind: .usage)
        default: throw Failure("synthesis engine", "refused the network or the request (status \(status.rawValue))")
        }
    }
}
