import Core
import Foundation
import Testing
import Weights

/// What importing takes of memory, as the system counts it.
@Suite struct ImportMemoryTests {
    /// The largest resident set of a run of the command, in bytes.
    private func peak(_ arguments: [String]) throws -> Int {
        let all = [try Program.path] + arguments
        var pointers: [UnsafeMutablePointer<CChar>?] = all.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var child = pid_t()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        try #require(posix_spawn(&child, all[0], &actions, nil, &pointers, environ) == 0)
        var (status, usage) = (Int32(0), rusage())
        while wait4(child, &status, 0, &usage) < 0 && errno == EINTR {}
        try #require(status == 0)
        return usage.ru_maxrss * 1024
    }

    /// A small generator in a large checkpoint: only the generator may be taken into memory.
    @Test func `an import takes what its generator takes, whatever lies beside it`() throws {
        let folder = Program.Folder()
        try AtomicFile.makeFolder(folder.path)
        let source = Program.root + "/Tests/Fixtures/stylegan2/psp.pt"
        guard case .dictionary(var entries)? = try TorchFile.read(source)["state_dict"] else {
            throw Failure(source, "has no state")
        }
        for k in 0..<8 {
            let values = TensorData([Float](repeating: Float(k) + 0.1, count: 16 << 20), shape: [16 << 20])
            entries.append(.init(key: "encoder.body.\(k).weight", value: .tensor(values)))
        }
        let path = folder.path + "/large.pt"
        try TorchFile.write(.dictionary([.init(key: "state_dict", value: .dictionary(entries))]), to: path)
        entries = []
        let size = try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(size > 512 << 20)
        let base = try peak(["--version"])
        let small = try peak(["import", source, "--name", "small", "--workspace", folder.path])
        let large = try peak(["import", path, "--name", "large", "--workspace", folder.path])
        #expect(large - base < 64 << 20 && large - small < 32 << 20, "\(base), \(small), \(large)")
    }
}
