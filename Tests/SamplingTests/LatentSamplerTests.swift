import Core
import Foundation
import Generators
import LatentStore
import Sampling
import Synchronization
import Testing

/// Latents as they come into the database; of a small StyleGAN2, which needs no download.
@Suite struct LatentSamplerTests {
    /// A folder with a model and databases, removed when the value goes.
    private final class Place {
        let path = NSTemporaryDirectory() + "sampling-\(UUID().uuidString)"
        let generator: Generator

        init() throws {
            let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            _ = try Generator.importFile(
                fixtures.appendingPathComponent("Fixtures/stylegan2/ada-skip.pkl").path, folder: path + "/model")
            generator = try Generator.load(folder: path + "/model")
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func store(_ name: String) throws -> LatentStore { try LatentStore.open("\(path)/\(name).sqlite") }
    }

    private func dump(_ store: LatentStore) throws -> String {
        try store.answer("SELECT id, hex(w) FROM latents ORDER BY id")
    }

    @Test func shardsTogetherAreTheWholeToTheBit() throws {
        let place = try Place()
        let (whole, parts) = (try place.store("whole"), try place.store("parts"))
        let request = try LatentSampler.Request(count: 101, seed: 7, psi: 0.8)
        #expect(try LatentSampler(generator: place.generator, store: whole).sample(request).added == 101)
        var added: [Int] = []
        for number in [2, 0, 1] {
            let part = try LatentSampler.Request(count: 101, seed: 7, psi: 0.8, shard: Shard("\(number)/3"))
            var sampler = LatentSampler(generator: place.generator, store: parts)
            sampler.batch = 5
            added.append(try sampler.sample(part).added)
        }
        #expect(added.reduce(0, +) == 101 && added.allSatisfy { 33...34 ~= $0 })
        #expect(try dump(parts) == dump(whole))
        #expect(try dump(whole) != "" && whole.answer("SELECT count(DISTINCT w) FROM latents") == "101")
    }

    @Test func aLargerCountExtendsAndTheSameAddsNothing() throws {
        let place = try Place()
        let store = try place.store("a")
        let sampler = LatentSampler(generator: place.generator, store: store)
        #expect(try sampler.sample(.init(count: 10, seed: 1, psi: 1)).added == 10)
        let before = try dump(store)
        #expect(try sampler.sample(.init(count: 10, seed: 1, psi: 1)).added == 0)
        #expect(try sampler.sample(.init(count: 25, seed: 1, psi: 1)).added == 15)
        #expect(try dump(store).hasPrefix(before))
        // Another seed or truncation is another set.
        #expect(try sampler.sample(.init(count: 3, seed: 2, psi: 1)).added == 3)
        #expect(try sampler.sample(.init(count: 3, seed: 1, psi: 0.5)).added == 3)
        #expect(try store.answer("SELECT seed, psi FROM sample_sets ORDER BY id") == "1|1.0\n2|1.0\n1|0.5")
        // Truncation moves a latent towards the mean that the set records.
        let full = try place.generator.latents(seed: 1, indices: 0..<3)
        let cut = try store.latents(ids: [Int64(2) << 32, Int64(2) << 32 + 1, Int64(2) << 32 + 2])
        let mean = place.generator.meanLatent
        for i in cut.indices {
            let expected = mean[i % mean.count] + 0.5 * (full[i] - mean[i % mean.count])
            #expect(abs(cut[i] - expected) < 1e-5)
        }
    }

    @Test func aStoppedRunKeepsWhatItWroteAndTheNextGoesOn() throws {
        let place = try Place()
        let (stopped, whole) = (try place.store("stopped"), try place.store("whole"))
        let told = Mutex(0)
        let context = RunContext(
            isCancelled: { told.withLock { $0 >= 20 } },
            progress: { update in told.withLock { $0 = max($0, update.done) } })
        var sampler = LatentSampler(generator: place.generator, store: stopped, context: context)
        sampler.batch = 10
        let request = try LatentSampler.Request(count: 2000, seed: 3, psi: 1)
        let failure = #expect(throws: Failure.self) { try sampler.sample(request) }
        #expect(failure?.kind == .cancelled)
        let kept = Int(try stopped.answer("SELECT count(*) FROM latents")) ?? 0
        #expect(kept >= 20 && kept < 2000, "\(kept)")
        #expect(try LatentSampler(generator: place.generator, store: stopped).sample(request).added == 2000 - kept)
        #expect(try LatentSampler(generator: place.generator, store: whole).sample(request).added == 2000)
        #expect(try dump(stopped) == dump(whole))
    }

    @Test func aSteeredSetHasMoreWhereItIsToAndStandsForItsSeed() throws {
        let place = try Place()
        let (store, whole) = (try place.store("steered"), try place.store("whole"))
        let generator = place.generator
        let size = generator.identity.latentSize
        let direction = (0..<size).map { Float($0 == 0 ? 1 : 0) }
        func steering(_ sha256: String = "d") throws -> LatentSteering {
            try LatentSteering(direction: direction, label: "hat@v1", sha256: sha256, generator: generator, psi: 1)
        }
        let sampler = LatentSampler(generator: generator, store: store)
        let found = try sampler.sample(.init(count: 1200, seed: 5, psi: 1), steering: steering())
        #expect(found.added == 1200 && found.examined > 2400, "\(found.examined)")
        // What is kept is what the seed has there.
        _ = try LatentSampler(generator: generator, store: whole).sample(.init(count: found.examined, seed: 5, psi: 1))
        let ids = try store.query("SELECT id FROM latents ORDER BY id").rows.compactMap { row in
            if case .integer(let id) = row[0] { id } else { nil }
        }
        let kept = try store.latents(ids: ids)
        #expect(try whole.latents(ids: ids) == kept)
        // Weights bring back what the seed is like: how many there are, their mean, and the share beyond two deviations.
        let all = try whole.latents(ids: (0..<Int64(found.examined)).map { $0 })
        func places(_ w: [Float]) -> [Double] { stride(from: 0, to: w.count, by: size).map { Double(w[$0]) } }
        let (seed, drawn, weights) = (places(all), places(kept), try store.weights(ofLatents: ids))
        let count = Double(seed.count)
        let mean = seed.reduce(0, +) / count
        let deviation = (seed.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        let total = weights.reduce(0, +)
        #expect(abs(total / count - 1) < 0.15, "\(total), \(count)")
        let weighted = zip(drawn, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
        #expect(abs(weighted - mean) < 0.2 * deviation, "\(weighted), \(mean)")
        let unweighted = drawn.reduce(0, +) / Double(drawn.count)
        #expect(unweighted > mean + 0.5 * deviation)
        let limit = mean + 1.9 * deviation
        let share = Double(seed.count { $0 > limit }) / count
        #expect(abs(zip(drawn, weights).reduce(0) { $0 + ($1.0 > limit ? $1.1 : 0) } / total - share) < 0.3 * share)
        #expect(Double(drawn.count { $0 > limit }) / Double(drawn.count) > 2 * share)
        // More of the same seed goes on, and comes out as if it had been asked for at once.
        let (once, twice) = (try place.store("once"), try place.store("twice"))
        for (store, counts) in [(once, [300]), (twice, [120, 300])] {
            for count in counts {
                _ = try LatentSampler(generator: generator, store: store).sample(
                    .init(count: count, seed: 5, psi: 1), steering: steering())
            }
        }
        #expect(try dump(once) == dump(twice))
        // A seed is drawn one way alone.
        for failure in [
            #expect(throws: Failure.self) { try sampler.sample(.init(count: 2000, seed: 5, psi: 1)) },
            #expect(throws: Failure.self) {
                try sampler.sample(.init(count: 2000, seed: 5, psi: 1), steering: steering("e"))
            },
            #expect(throws: Failure.self) {
                try LatentSampler(generator: generator, store: whole).sample(
                    .init(count: 10, seed: 5, psi: 1), steering: steering())
            },
        ] { #expect(failure?.kind == .conflict) }
        // Merged, the weights come along.
        let merged = try place.store("merged")
        _ = try merged.merge("\(place.path)/once.sqlite")
        let weightsOf = "SELECT latent, weight FROM latent_weights ORDER BY latent"
        #expect(try merged.answer(weightsOf) == once.answer(weightsOf) && merged.answer(weightsOf) != "")
        #expect(throws: Failure.self) { try merged.merge("\(place.path)/whole.sqlite") }
    }

    @Test(arguments: ["", "3", "3/3", "-1/3", "1/0", "a/b", "1/2/3"])
    func whatIsNoShardIsRefused(_ text: String) throws {
        let failure = #expect(throws: Failure.self) { try Shard(text) }
        #expect(failure?.kind == .usage)
    }

    @Test func shardsCoverASetOnce() throws {
        for count in [1, 3, 7] {
            let ranges = try (0..<count).map { try Shard("\($0)/\(count)").range(of: 100) }
            #expect(ranges.flatMap { Array($0) } == (0..<100).map { UInt32($0) })
        }
        #expect("\(try Shard("3/64"))" == "3/64" && "\(Shard.whole)" == "0/1")
        #expect(throws: Failure.self) { try LatentSampler.Request(count: -1, seed: 0, psi: 1) }
        #expect(throws: Failure.self) { try LatentSampler.Request(count: 1, seed: 0, psi: .infinity) }
    }
}
