import Core
import Foundation
import Generators
import Images
import Latents
import Tensors

/// Generated faces with their codes, each known by its number: made ahead on a thread of its own, kept in a file.
///
/// A third have rows of two latents, from a random row on those of the second.
final class PairPool: @unchecked Sendable {
    private let generator: Generator
    private let synthesizer: any Synthesizer
    private let seed: UInt64
    private let side: Int
    private let limit: Int
    /// Nil where faces are made when they are asked for.
    private let file: FileHandle?
    private let condition = NSCondition()
    // Guarded by the condition.
    private var made: Int
    private var failure: (any Error)?
    private var isStopped = false
    private var wanted = 0

    /// Pairs that are made ahead of those that were asked for: cores are better used by the training.
    private static let ahead = 64
    private static let domain: UInt32 = 0x10B
    private static let batch = 8
    private var bytes: Int { 3 * side * side }

    /// - Parameters:
    ///   - generator: Makes the faces.
    ///   - seed: Names the latents.
    ///   - side: Pixels along a side of the kept pictures.
    ///   - limit: Pairs at most.
    ///   - path: The file, which is gone on with where it is there; nil keeps nothing.
    ///   - device: Where faces are made.
    /// - Throws: ``Core/Failure`` when the file can't be opened, or the generator can't be computed with.
    init(_ generator: Generator, seed: UInt64, side: Int, limit: Int, path: String?, device: Device = .cpu) throws {
        self.generator = generator
        synthesizer = try generator.synthesizer(device: device)
        self.seed = seed
        self.side = side
        self.limit = limit
        guard let path else {
            (file, made) = (nil, 0)
            return
        }
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let file = FileHandle(forUpdatingAtPath: path) else {
            throw Failure(path, "can't be opened for writing", "check the folder's permissions", kind: .inputOutput)
        }
        self.file = file
        made = min(limit, Int(try file.seekToEnd()) / (3 * side * side))
        try file.truncate(atOffset: UInt64(made * 3 * side * side))
    }

    /// Begins to make pairs.
    func start() {
        if file == nil { return }
        let thread = Thread { [self] in
            do { while try makeSome() {} } catch {
                condition.withLock {
                    failure = error
                    condition.broadcast()
                }
            }
        }
        thread.name = "pairs"
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Makes no more.
    func stop() {
        condition.withLock {
            isStopped = true
            condition.broadcast()
        }
    }

    /// - Returns: Whether there is more to make.
    private func makeSome() throws -> Bool {
        let first: Int? = condition.withLock {
            while !isStopped, made < limit, made >= wanted + PairPool.ahead { condition.wait() }
            return isStopped || made >= limit ? nil : made
        }
        guard let first else { return false }
        let range = first..<min(limit, first + PairPool.batch)
        let data = try faces(Array(range)).reduce(into: Data()) { $0.append(contentsOf: $1.pixels) }
        try condition.withLock {
            guard let file else { return }
            try file.seek(toOffset: UInt64(first * bytes))
            try file.write(contentsOf: data)
            made = range.upperBound
            condition.broadcast()
        }
        return true
    }

    /// The faces of some pairs, of eight bits as the file has them.
    private func faces(_ indices: [Int]) throws -> [Image] {
        try synthesizer.synthesize(codes(indices), size: generator.size(256), noise: .none).resized(to: side).images
    }

    /// The codes of some pairs, [count, StyleGAN2's rows, size].
    func codes(_ indices: [Int]) throws -> LatentCodes {
        let (rows, size) = (generator.identity.styleGAN2Layers, generator.identity.latentSize)
        var values: [Float] = []
        for index in indices {
            var random = CounterRandom(seed: seed, domain: PairPool.domain, position: UInt64(index) << 8)
            let w = try generator.latents(seed: seed, indices: UInt64(2 * index)..<UInt64(2 * index + 2))
            let crossing = random.chance(1.0 / 3) ? 3 + random.index(max(1, rows - 6)) : rows
            for row in 0..<rows { values += row < crossing ? w[..<size] : w[size...] }
        }
        return try LatentCodes(values, rows: rows, size: size)
    }

    /// The pictures of some pairs, which are waited for.
    ///
    /// - Throws: Whatever ended their making.
    func pictures(_ indices: [Int], context: RunContext) throws -> ImageBatch {
        guard let file else {
            var images: [Image] = []
            for start in stride(from: 0, to: indices.count, by: PairPool.batch) {
                images += try faces(Array(indices[start..<min(indices.count, start + PairPool.batch)]))
                try context.check()
            }
            return ImageBatch(images, side: side)
        }
        let needed = (indices.max() ?? -1) + 1
        let images = try condition.withLock {
            if needed > wanted {
                wanted = needed
                condition.broadcast()
            }
            while made < needed {
                if let failure { throw failure }
                _ = condition.wait(until: Date(timeIntervalSinceNow: 0.5))
                try context.check()
            }
            return try indices.map { index in
                try file.seek(toOffset: UInt64(index * bytes))
                let data = try file.read(upToCount: bytes) ?? Data()
                guard data.count == bytes else {
                    throw Failure("pairs", "are cut short", "delete the training's folder and begin anew")
                }
                return Image(width: side, height: side, pixels: [UInt8](data))
            }
        }
        return ImageBatch(images, side: side)
    }
}
