import Classifiers
import Core
import Foundation
import Generators
import Latents
import Scoring
import Testing

/// The whole way from a seed to logits, with what comes with the program: generator, engine, scaling and classifier.
@Suite struct GoldenLogitsTests {
    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// `$DIRECTIONS_WHEEL`, or the one that `make setup` fetched; nil when neither is there.
    static let wheel: String? = {
        let given = ProcessInfo.processInfo.environment["DIRECTIONS_WHEEL"]
        let path = given ?? repository + "/.cache/random_face-2021.7.21.1-py3-none-any.whl"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    /// Of latent 0 of seed 0, in the order of CelebA's attributes, as version 0.1 scored it.
    private static let expected: [Float] = [
        -5.833, 0.214, 4.174, -4.238, -4.78, -2.335, -0.844, -3.602, -1.487, -3.836, -5.948, -1.719, -1.412, -4.299,
        -5.008, -4.716, -4.964, -4.808, 3.93, -1.455, -6.4, -2.86, -4.666, -3.035, 5.815, 1.257, -2.914, -1.652, -5.453,
        -2.889, -4.941, -2.077, 0.839, -2.871, -3.179, -1.356, 4.432, -1.908, -5.14, 6.565,
    ]

    @Test(.enabled(if: wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
    func latentZeroScoresAsEver() throws {
        let folder = NSTemporaryDirectory() + "golden-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try Generator.importWheel(#require(Self.wheel), folder: folder)
        let generator = try Generator.load(folder: folder)
        let classifier = try AttributeClassifier.load(path: nil)
        try #require(classifier.attributes == Attribute.celebA)
        let codes = try LatentCodes(generator.latents(seed: 0, indices: 0..<1))
        let logits = try LatentScorer.logits(of: codes, synthesizer: generator.synthesizer(), classifier: classifier)
        try #require(logits.count == Self.expected.count)
        // Processors and libtorch builds round differently, by some ten thousandths; another network, seed or scaling moves
        // logits by whole numbers.
        for (name, (found, expected)) in zip(Attribute.celebA, zip(logits, Self.expected)) {
            #expect(abs(found - expected) < 0.01, "\(name)")
        }
    }

    @Test func aSecondJudgeComesWithTheProgram() throws {
        let path = try #require(AttributeClassifier.shippedPath(named: "resnext"))
        let (judge, scorer) = (try AttributeClassifier.load(path: path), try AttributeClassifier.load(path: nil))
        #expect(judge.sha256 != scorer.sha256 && judge.card.architecture != scorer.card.architecture)
        #expect(Set(Attribute.defaults).isSubset(of: judge.attributes))
        // A third, small one, for descents: the judge stays out of them.
        let place: String = try #require(AttributeClassifier.shippedPath(named: "plain"))
        let small = try AttributeClassifier.load(path: place)
        #expect(small.attributes == scorer.attributes && small.card.architecture != judge.card.architecture)
        for name in ["", "../faces", "nobody"] { #expect(AttributeClassifier.shippedPath(named: name) == nil) }
    }
}
