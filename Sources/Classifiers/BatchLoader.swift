import Core
import Faces
import Foundation
import Images

/// What training pictures look like to the network.
public enum TrainingPreview {
    /// The first pictures of the first epoch, changed as in training.
    public static func pictures(
        _ settings: TrainingSettings, _ faces: FaceSet, count: Int
    ) throws -> [Image] {
        let source = BatchLoader.Source(
            faces: faces, attributes: [], frame: settings.frame, augmentation: settings.augmentation,
            seed: settings.seed, batchSize: min(count, faces.images.count))
        let size = settings.architecture.inputSize
        let loader = BatchLoader(source, epoch: 0, size: size, first: 0, workers: 1)
        defer { loader.stop() }
        return loader.batch().map { ImageBatch($0.images, side: size).images } ?? []
    }
}

/// Makes training batches ahead of time on threads of its own.
///
/// What a batch holds depends on (seed, epoch, position) alone: the order of an epoch is a shuffle keyed by the epoch, and each
/// picture's changes have a stream of their own. So training can go on at any batch.
final class BatchLoader: @unchecked Sendable {
    /// Images [count, 3, size, size] and targets [count, attributes], or as many as the pictures have numbers.
    struct Batch: Sendable {
        let images: [Float]
        let targets: [Float]
        let count: Int
    }

    /// What a batch is made from.
    struct Source: Sendable {
        let faces: FaceSet
        /// Columns of the labels that are targets.
        let attributes: [Int]
        let frame: FaceFrame
        let augmentation: Augmentation
        let seed: UInt64
        let batchSize: Int
    }

    private static let orderDomain: UInt32 = 0x101
    private static let pictureDomain: UInt32 = 0x102

    private let source: Source
    private let epoch: Int
    private let size: Int
    private let order: [Int]
    private let condition = NSCondition()
    private var next: Int
    private var wanted: Int
    private var ready: [Int: Batch] = [:]
    private var stopped = false
    private let ahead: Int

    /// Full batches of one epoch; the rest of the shuffle is left out.
    var batchCount: Int { max(1, order.count / source.batchSize) }

    /// Starts making the batches from `first` on.
    init(_ source: Source, epoch: Int, size: Int, first: Int, workers: Int) {
        self.source = source
        self.epoch = epoch
        self.size = size
        next = first
        wanted = first
        ahead = workers + 2
        order = BatchLoader.order(source.faces.images.count, seed: source.seed, epoch: epoch)
        for _ in 0..<workers {
            let thread = Thread { [self] in work() }
            thread.name = "augmentation"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    /// The next batch in order; waits until it is made.
    ///
    /// Nil after the last.
    func batch() -> Batch? {
        condition.lock()
        defer { condition.unlock() }
        if wanted >= batchCount { return nil }
        while ready[wanted] == nil { condition.wait() }
        let result = ready.removeValue(forKey: wanted)
        wanted += 1
        condition.broadcast()
        return result
    }

    /// Ends the threads.
    func stop() {
        condition.lock()
        stopped = true
        condition.broadcast()
        condition.unlock()
    }

    private func work() {
        while true {
            condition.lock()
            while !stopped && next < batchCount && next >= wanted + ahead { condition.wait() }
            if stopped || next >= batchCount {
                condition.unlock()
                return
            }
            let number = next
            next += 1
            condition.unlock()
            let made = make(number)
            condition.lock()
            ready[number] = made
            condition.broadcast()
            condition.unlock()
        }
    }

    private func make(_ number: Int) -> Batch {
        let start = number * source.batchSize
        let members = order[start..<min(start + source.batchSize, order.count)]
        let one = 3 * size * size
        var targets: [Float] = []
        targets.reserveCapacity(members.count * max(source.attributes.count, source.faces.weights.count))
        let images = [Float](unsafeUninitializedCapacity: members.count * one) { buffer, initialized in
            for (slot, member) in members.enumerated() {
                let planes = UnsafeMutableBufferPointer(rebasing: buffer[slot * one..<(slot + 1) * one])
                targets += fill(member, planes)
            }
            initialized = members.count * one
        }
        return Batch(images: images, targets: targets, count: members.count)
    }

    /// One picture and its targets, mixed with another when the dice say so.
    private func fill(_ member: Int, _ planes: UnsafeMutableBufferPointer<Float>) -> [Float] {
        // 2^16 blocks for each picture of each epoch: more than noise on 200² pixels takes.
        let stream = (UInt64(epoch) << 40 | UInt64(member)) << 16
        var random = CounterRandom(seed: source.seed, domain: BatchLoader.pictureDomain, position: stream)
        let changes = source.augmentation
        let mixes = random.chance(changes.mixup)
        let partner = random.index(source.faces.images.count)
        let share = random.uniform(0.05, 0.5)
        changes.apply(source.faces.images[member], frame: source.frame, size: size, random: &random, into: planes)
        var labels = targets(member)
        if mixes {
            var other = [Float](repeating: 0, count: planes.count)
            other.withUnsafeMutableBufferPointer {
                changes.apply(source.faces.images[partner], frame: source.frame, size: size, random: &random, into: $0)
            }
            for i in planes.indices { planes[i] += share * (other[i] - planes[i]) }
            for (i, value) in targets(partner).enumerated() { labels[i] += share * (value - labels[i]) }
        }
        return labels
    }

    private func targets(_ member: Int) -> [Float] {
        source.faces.targets(member, attributes: source.attributes)
    }

    /// The members of an epoch in its order (Fisher–Yates).
    static func order(_ count: Int, seed: UInt64, epoch: Int) -> [Int] {
        var random = CounterRandom(seed: seed, domain: orderDomain, position: UInt64(epoch) << 32)
        var order = Array(0..<count)
        for i in stride(from: count - 1, to: 0, by: -1) { order.swapAt(i, random.index(i + 1)) }
        return order
    }
}
