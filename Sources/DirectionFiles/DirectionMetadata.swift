import Core
import Foundation

/// Where a direction comes from and how good it is: the texts of a direction file's metadata.
///
/// Every field is optional but the space: a direction imported from another tool knows little of its past.
public struct DirectionMetadata: Sendable, Equatable {
    /// The latent space of the direction.
    public enum Space: String, Sendable, CaseIterable {
        case z, w
        /// One row per layer.
        case wPlus = "w+"
    }

    /// Something named with a digest of its bytes: a generator, a classifier, a source file.
    public struct Reference: Sendable, Hashable {
        public var name: String
        public var sha256: String

        public init(name: String, sha256: String) {
            self.name = name
            self.sha256 = sha256
        }
    }

    /// The latents that the training set was chosen from.
    public struct Samples: Sendable, Equatable {
        public var set: String
        public var seed: UInt64
        public var count: Int
        public var psi: Double

        public init(set: String, seed: UInt64, count: Int, psi: Double) {
            self.set = set
            self.seed = seed
            self.count = count
            self.psi = psi
        }
    }

    /// How the training set was chosen.
    public struct Selection: Sendable, Equatable {
        public var id: String
        /// Latents with the highest scores, and with the lowest.
        public var top: Int
        public var bottom: Int
        /// The least score among the top, the greatest among the bottom.
        public var thresholdTop: Double
        public var thresholdBottom: Double
        /// Whether the bottom was chosen like the top in all other attributes.
        public var isMatched: Bool
        /// The filter of the latents that both were chosen from; empty for all scored ones.
        public var among: String

        public init(
            id: String, top: Int, bottom: Int, thresholdTop: Double, thresholdBottom: Double, isMatched: Bool = false,
            among: String = ""
        ) {
            self.isMatched = isMatched
            self.among = among
            self.id = id
            self.top = top
            self.bottom = bottom
            self.thresholdTop = thresholdTop
            self.thresholdBottom = thresholdBottom
        }
    }

    /// The solver and what it reached.
    public struct Solver: Sendable, Equatable {
        public var name: String
        /// C for svm and logistic, the shrinkage for lda, lambda for ridge.
        public var regularisation: Double
        public var objective: Double?
        public var relativeGap: Double?
        public var iterations: Int?

        public init(
            name: String, regularisation: Double, objective: Double? = nil, relativeGap: Double? = nil,
            iterations: Int? = nil
        ) {
            self.name = name
            self.regularisation = regularisation
            self.objective = objective
            self.relativeGap = relativeGap
            self.iterations = iterations
        }
    }

    public var space: Space
    public var generator: Reference?
    public var classifier: Reference?
    public var samples: Samples?
    public var selection: Selection?
    public var solver: Solver?
    /// How it was refined; nil for a direction that was not.
    ///
    /// A refined one's ``solver`` is named ``refined``.
    public var refinement: Refinement?
    /// Share of the training set on its own side of the boundary, of the held-out part, and of all other scored latents.
    public var trainAccuracy: Double?
    public var validationAccuracy: Double?
    public var restAccuracy: Double?
    /// The directions that were projected out, such as `male@v1`.
    public var orthogonalTo: [String] = []
    /// The file of another tool that it was imported from.
    public var source: Reference?
    /// What that file's name says of its origin, where it says anything.
    public var namedOrigin: String?
    /// What it did to its attribute when it was imported; nil where that was not measured.
    public var response: Response?
    /// What may be done with it.
    public var licence: String?
    /// When it was made, ISO 8601 in UTC.
    public var created: String?
    /// The program that made it, with its version.
    public var program: String?
    /// Digest of everything that the result depends on; see ``fingerprint(_:)``.
    public var inputs: String?
    /// Keys that this program does not know.
    public var other: [String: String] = [:]

    /// - Parameter space: The latent space of the direction.
    public init(space: Space = .w) { self.space = space }

    /// A digest of named inputs: equal inputs, in whatever order, give equal digests.
    public static func fingerprint(_ inputs: [String: String]) -> String {
        var text = ""
        for (key, value) in inputs.sorted(by: { $0.key < $1.key }) {
            text += "\(key.utf8.count):\(key)=\(value.utf8.count):\(value)\n"
        }
        return Hashing.sha256(Data(text.utf8))
    }
}

/// The keys of the texts, as `docs/formats.md` lists them.
extension DirectionMetadata {
    /// Keys and texts for the file.
    public var texts: [String: String] {
        var result = other
        func set(_ key: String, _ value: (some CustomStringConvertible)?) {
            if let value { result[key] = value.description }
        }
        set("space", space.rawValue)
        set("generator", generator?.name)
        set("generator_sha256", generator?.sha256)
        set("classifier", classifier?.name)
        set("classifier_sha256", classifier?.sha256)
        set("sample_set", samples?.set)
        set("seed", samples?.seed)
        set("count", samples?.count)
        set("psi", samples?.psi)
        set("selection", selection?.id)
        set("selection_top", selection?.top)
        set("selection_bottom", selection?.bottom)
        set("threshold_top", selection?.thresholdTop)
        set("threshold_bottom", selection?.thresholdBottom)
        if selection?.isMatched == true { set("selection_kind", DirectionMetadata.matched) }
        if let among = selection?.among, !among.isEmpty { set("selection_among", among) }
        set("solver", solver?.name)
        set("regularisation", solver?.regularisation)
        set("objective", solver?.objective)
        set("relative_gap", solver?.relativeGap)
        set("iterations", solver?.iterations)
        if let refinement { result.merge(refinement.texts) { $1 } }
        set("accuracy_train", trainAccuracy)
        set("accuracy_validation", validationAccuracy)
        set("accuracy_rest", restAccuracy)
        if !orthogonalTo.isEmpty { set("orthogonal_to", orthogonalTo.joined(separator: ",")) }
        set("source", source?.name)
        set("source_sha256", source?.sha256)
        set("source_name_says", namedOrigin)
        if let response { result.merge(response.texts) { $1 } }
        set("licence", licence)
        set("created", created)
        set("program", program)
        set("inputs", inputs)
        return result
    }

    /// Takes what it knows from a file's texts and keeps the others.
    ///
    /// - Throws: `Failure` naming the key whose text is no such value.
    init(texts: [String: String], file: String) throws {
        var rest = MetadataReader(texts: texts, file: file)
        let spaceText = rest.take("space") ?? "w"
        guard let space = Space(rawValue: spaceText) else {
            throw Failure(file, "has the unknown latent space \(spaceText)", "known are z, w and w+")
        }
        self.init(space: space)
        generator = rest.takeReference("generator")
        classifier = rest.takeReference("classifier")
        if let set = rest.take("sample_set") {
            samples = Samples(
                set: set, seed: try rest.number("seed"), count: try rest.number("count"), psi: try rest.number("psi"))
        }
        if let id = rest.take("selection") {
            selection = Selection(
                id: id, top: try rest.number("selection_top"), bottom: try rest.number("selection_bottom"),
                thresholdTop: try rest.number("threshold_top"), thresholdBottom: try rest.number("threshold_bottom"),
                among: rest.take("selection_among") ?? "")
        }
        if let name = rest.take("solver") {
            solver = Solver(
                name: name, regularisation: try rest.number("regularisation"),
                objective: try rest.optionalNumber("objective"), relativeGap: try rest.optionalNumber("relative_gap"),
                iterations: try rest.optionalNumber("iterations"))
        }
        if selection != nil && rest.texts["selection_kind"] == DirectionMetadata.matched {
            selection?.isMatched = true
            _ = rest.take("selection_kind")
        }
        if let found = Refinement(texts: rest.texts, solver: solver) {
            refinement = found
            for key in Refinement.keys { _ = rest.take(key) }
        }
        trainAccuracy = try rest.optionalNumber("accuracy_train")
        validationAccuracy = try rest.optionalNumber("accuracy_validation")
        restAccuracy = try rest.optionalNumber("accuracy_rest")
        orthogonalTo = rest.take("orthogonal_to")?.split(separator: ",").map(String.init) ?? []
        source = rest.takeReference("source")
        namedOrigin = rest.take("source_name_says")
        if let found = Response(texts: rest.texts) {
            response = found
            for key in Response.keys { _ = rest.take(key) }
        }
        licence = rest.take("licence")
        created = rest.take("created")
        program = rest.take("program")
        inputs = rest.take("inputs")
        other = rest.texts
    }
}

private struct MetadataReader {
    public var texts: [String: String]
    let file: String

    mutating func take(_ key: String) -> String? { texts.removeValue(forKey: key) }

    mutating func takeReference(_ key: String) -> DirectionMetadata.Reference? {
        guard let name = take(key) else { return nil }
        return DirectionMetadata.Reference(name: name, sha256: take(key + "_sha256") ?? "")
    }

    mutating func number<Number: LosslessStringConvertible>(_ key: String) throws -> Number {
        guard let value: Number = try optionalNumber(key) else {
            throw Failure(file, "has no \(key) in its metadata", "the file is incomplete; make it again")
        }
        return value
    }

    mutating func optionalNumber<Number: LosslessStringConvertible>(_ key: String) throws -> Number? {
        guard let text = take(key) else { return nil }
        guard let value = Number(text) else {
            throw Failure(
                file, "has \(key) = `\(text.prefix(40))` in its metadata, which is no number", "the file is damaged")
        }
        return value
    }
}
