extension DirectionMetadata {
    /// How a direction of W was refined to one of W+.
    public struct Refinement: Sendable, Equatable {
        /// The direction of W that it went on from, such as `smiling@v1`.
        public var start: String
        /// Faces that it was calibrated and compared on.
        public var faces: Int
        /// Steps that it went.
        public var steps: Int
        /// Fresh faces edited in each step.
        public var batch: Int
        /// Its attribute dependency on the calibration faces, as a multiple of the start's.
        public var ratio: Double
        /// The seed of the calibration faces, and that of the faces in the steps.
        public var seeds: (calibration: UInt64, steps: UInt64)
        /// SHA-256 of the classifiers that it descended against; empty where but the direction's own one did.
        public var classifiers: [String]
        /// The filter of attributes that all of the faces passed; nil where all faces counted.
        public var among: String?
        /// What changes of the skin's colour counted; 0 where it was free.
        public var skin: Float
        /// What colours that neither skin nor hair has counted; 0 where they were free.
        public var natural: Float

        /// - Parameters:
        ///   - start: The direction of W that it went on from, such as `smiling@v1`.
        ///   - faces: Faces that it was calibrated and compared on.
        ///   - steps: Steps that it went.
        ///   - batch: Fresh faces edited in each step.
        ///   - ratio: Its attribute dependency as a multiple of the start's.
        ///   - seeds: The seed of the calibration faces, and that of the faces in the steps.
        ///   - classifiers: SHA-256 of the classifiers that it descended against.
        ///   - among: The filter of attributes that all of the faces passed.
        ///   - skin: What changes of the skin's colour counted.
        ///   - natural: What colours that neither skin nor hair has counted.
        public init(
            start: String, faces: Int, steps: Int, batch: Int, ratio: Double,
            seeds: (calibration: UInt64, steps: UInt64), classifiers: [String] = [], among: String? = nil,
            skin: Float = 0, natural: Float = 0
        ) {
            self.start = start
            self.faces = faces
            self.steps = steps
            self.batch = batch
            self.ratio = ratio
            self.seeds = seeds
            self.classifiers = classifiers
            self.among = among
            self.skin = skin
            self.natural = natural
        }

        public static func == (a: Refinement, b: Refinement) -> Bool {
            (a.start, a.faces, a.steps, a.batch, a.ratio) == (b.start, b.faces, b.steps, b.batch, b.ratio)
                && a.seeds == b.seeds && a.classifiers == b.classifiers && a.among == b.among
                && a.skin == b.skin && a.natural == b.natural
        }
    }
}

extension DirectionMetadata {
    /// What `selection_kind` says of a selection whose bottom is like its top.
    static let matched = "matched"
    /// What `solver` says of a refined direction.
    public static let refined = "local"
}

extension DirectionMetadata.Refinement {
    /// The keys that are a refinement's own; its steps and its ratio are the solver's `iterations` and `objective`.
    static let keys = [
        "local_start", "local_faces", "local_batch", "local_seeds", "local_classifiers", "local_among", "local_skin",
        "local_natural",
    ]

    /// Keys and texts for the file.
    var texts: [String: String] {
        var result = [
            "solver": DirectionMetadata.refined, "regularisation": "\(0.0)", "iterations": "\(steps)",
            "objective": "\(ratio)",
            "local_start": start, "local_faces": "\(faces)", "local_batch": "\(batch)",
            "local_seeds": "\(seeds.calibration),\(seeds.steps)",
        ]
        if !classifiers.isEmpty { result["local_classifiers"] = classifiers.joined(separator: ",") }
        result["local_among"] = among
        if skin != 0 { result["local_skin"] = "\(skin)" }
        if natural != 0 { result["local_natural"] = "\(natural)" }
        return result
    }

    /// Nil unless the texts are those of a refinement, to the letter: what is not is kept as it is.
    init?(texts: [String: String], solver: DirectionMetadata.Solver?) {
        let seeds = (texts["local_seeds"] ?? "").split(separator: ",").compactMap { UInt64($0) }
        guard let solver, solver.name == DirectionMetadata.refined, let steps = solver.iterations,
            let ratio = solver.objective, let start = texts["local_start"], let faces = Int(texts["local_faces"] ?? ""),
            let batch = Int(texts["local_batch"] ?? ""), seeds.count == 2
        else { return nil }
        self.init(
            start: start, faces: faces, steps: steps, batch: batch, ratio: ratio, seeds: (seeds[0], seeds[1]),
            classifiers: (texts["local_classifiers"] ?? "").split(separator: ",").map(String.init),
            among: texts["local_among"], skin: Float(texts["local_skin"] ?? "0") ?? 0,
            natural: Float(texts["local_natural"] ?? "0") ?? 0)
        guard DirectionMetadata.Refinement.keys.allSatisfy({ self.texts[$0] == texts[$0] }) else { return nil }
    }
}
