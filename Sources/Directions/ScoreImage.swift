import Classifiers
import Core
import Faces
import Foundation
import Generators
import Images
import Latents
import Scoring
import Weights

/// Which faces to score, outside of the database.
public struct ScoreImageRequest: Sendable {
    /// Where the faces come from.
    public enum Source: Sendable, Equatable {
        /// Picture files of one aligned face each.
        /// One that does not look like it is left out, unless pictures are taken as they are.
        case pictures([String], frame: FaceFrame = .ffhq, asTheyAre: Bool = false)
        /// The noise-free faces of a file of W or W+ codes, pulled towards the mean of W, made by a generator of the workspace with so many threads (0 for
        /// one a processor).
        case codes(
            String, key: String? = nil, space: CodeFile.Space? = nil, towardMean: Float = 1,
            generator: String = "default", threads: Int = 0)
    }

    /// Where the faces come from.
    public var source: Source
    /// The classifier, a file or a name in the workspace; nil for the one that comes with the program.
    public var classifier: String?
    /// The attributes to show.
    public var attributes: AttributeChoice

    /// Asks for the scores of pictures or codes.
    public init(_ source: Source, classifier: String? = nil, attributes: AttributeChoice = .all) {
        self.source = source
        self.classifier = classifier
        self.attributes = attributes
    }

    /// Checks what can be checked before anything is read.
    ///
    /// - Throws: ``Core/Failure`` (usage) when no picture is named, or a number is out of range.
    public func validate() throws {
        switch source {
        case .pictures(let files, _, _) where files.isEmpty:
            throw Failure("score-image", "has no pictures and no codes", "name one or the other", kind: .usage)
        case .codes(_, _, _, _, _, let threads) where !(0...1024 ~= threads):
            throw Failure("threads", "must be 0 to 1,024", kind: .usage)
        case .codes(_, _, _, let share, _, _): try Session.checkTowardMean(share)
        default: break
        }
    }
}

/// What a classifier says of one face; each figure by the attribute's slug.
public struct FaceScore: Sendable, Encodable {
    /// The picture's file, or the code's label.
    public let file: String
    /// Calibrated probabilities.
    public internal(set) var probabilities: [String: Float] = [:]
    /// Logits.
    public internal(set) var logits: [String: Float] = [:]
    /// Whether the probability is at or above the attribute's threshold.
    public internal(set) var answers: [String: Bool] = [:]
}

/// What ``Session/scoreImages(_:)`` found.
public struct ScoreImageResult: Sendable {
    /// A score a face.
    public let scores: [FaceScore]
    /// The attributes that the scores name, in order.
    public let attributes: [Attribute]
    /// Logits of all attributes of the classifier, [faces, attributes].
    public let logits: [Float]
    /// The classifier's attributes, in the order of the logits.
    public let classifierAttributes: [Attribute]
    /// Why pictures were left out.
    public let failures: [Failure]

    /// Writes the logits as a float32 .npy [faces, attributes].
    ///
    /// - Throws: ``Core/Failure`` naming the file when it can't be written.
    public func writeLogits(to path: String) throws {
        try NumpyFile.write(TensorData(logits, shape: [scores.count, classifierAttributes.count]), to: path)
    }
}

extension Session {
    /// Scores pictures of faces, or the faces of codes, with an attribute classifier.
    ///
    /// A picture that can't be read is left out and its failure kept; the others are scored.
    ///
    /// - Throws: ``Core/Failure``: a request that makes no sense (usage), no such classifier, attribute or generator, or a stop.
    public func scoreImages(_ request: ScoreImageRequest) throws -> ScoreImageResult {
        try request.validate()
        let network = try classifier(request.classifier)
        let shown = try request.attributes.resolved(among: network.attributes)
        let columns = try network.columns(shown)
        let (names, logits, failures) =
            switch request.source {
            case .pictures(let files, let frame, let asTheyAre):
                try pictureLogits(files, frame, asTheyAre: asTheyAre, network)
            case .codes(let path, let key, let space, let share, let name, let threads):
                try codeLogits(
                    try generator(name), threads: threads, network,
                    { try codes(of: path, key: key, space: space, for: $0, towardMean: share) })
            }
        let probabilities = network.probabilities(logits)
        let scores = names.enumerated().map { row, name in
            var score = FaceScore(file: name)
            for (attribute, column) in zip(shown, columns) {
                let at = row * network.attributes.count + column
                score.probabilities[attribute.slug] = probabilities[at]
                score.logits[attribute.slug] = logits[at]
                score.answers[attribute.slug] = probabilities[at] >= network.thresholds[column]
            }
            return score
        }
        return ScoreImageResult(
            scores: scores, attributes: shown, logits: logits, classifierAttributes: network.attributes,
            failures: failures)
    }

    private typealias Logits = (names: [String], logits: [Float], failures: [Failure])

    /// Logits [n, attributes] of the pictures that can be read.
    private func pictureLogits(
        _ files: [String], _ frame: FaceFrame, asTheyAre: Bool, _ network: AttributeClassifier
    ) throws -> Logits {
        var result: Logits = ([], [], [])
        for start in stride(from: 0, to: files.count, by: 32) {
            try context.check()
            var planes: [Float] = []
            for file in files[start..<min(start + 32, files.count)] {
                do {
                    let image = try Image.read(file)
                    if !asTheyAre, let found = frame.problem(of: image) {
                        throw Failure(file, found.problem, "\(found.advice), or take it as it is")
                    }
                    planes += frame.crop(image, size: network.inputSize).planes()
                    result.names.append(file)
                } catch let failure as Failure {
                    result.failures.append(failure)
                }
            }
            result.logits += try network.logits(ImageBatch(planes, side: network.inputSize))
        }
        return result
    }

    /// Logits [n, attributes] of the noise-free faces of a file's codes.
    private func codeLogits(
        _ generator: Generator, threads: Int, _ network: AttributeClassifier,
        _ read: (Generator) throws -> (codes: LatentCodes, labels: [String])
    ) throws -> Logits {
        let (codes, names) = try read(generator)
        let synthesizer = try generator.synthesizer(.engine, threads: threads, device: .cpu)
        let logits = try LatentScorer.logits(
            of: codes, synthesizer: synthesizer, classifier: network, context: context)
        return (names, logits, [])
    }
}
