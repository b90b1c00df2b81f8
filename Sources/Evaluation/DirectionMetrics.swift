import Core
import Foundation

/// A figure with the 95 % interval that resampling the faces gives it.
public struct Interval: Codable, Sendable, Equatable {
    /// The figure on all faces.
    public var value: Double
    /// The interval's lower end.
    public var low: Double
    /// The interval's upper end.
    public var high: Double

    public init(value: Double, low: Double, high: Double) {
        self.value = value
        self.low = low
        self.high = high
    }
}

/// What a direction does to fresh faces, by the classifier's judgement.
public struct DirectionMetrics: Codable, Sendable {
    /// What it does at one strength.
    public struct Level: Codable, Sendable {
        /// In sigma.
        public var strength: Double
        /// Mean change of the target's logit.
        public var target: Interval
        /// Off-target change: mean over faces and the other attributes of the absolute change of the logit.
        public var offTargetChange: Interval
        /// Mean shift: mean over the other attributes of the absolute value of the logit's mean change.
        ///
        /// What all faces go along with: gains and losses of single faces cancel. It is the mean absolute value of the
        /// other attributes' ``DirectionMetrics/attributeChanges``.
        public var meanShift: Interval?
        /// Share of the faces without the attribute that get it; nil when all have it.
        public var successRate: Interval?
        /// Mean cosine of the face embeddings before and after; nil without a face-recognition network.
        public var faceSimilarity: Interval?
        /// Share of the faces that the network still takes for the same person.
        public var faceMatchRate: Interval?
        /// Share of the faces that are no stranger than 99 of 100 unedited ones; nil with too few scored faces.
        public var plausible: Interval?
    }

    /// What the direction is called, such as `smiling@v1`.
    public var direction: String
    /// The attribute that judges it, with a minus before it where the direction lowers it.
    public var attribute: String
    /// How many faces were edited.
    public var faces: Int
    /// The filter that these faces passed; nil for any.
    public var among: String?
    /// What it does at each strength, ascending.
    public var levels: [Level]
    /// Strength in sigma at which the success rate is one half, between two levels; nil when no level reaches it.
    public var halfStrength: Double?
    /// As a level's `offTargetChange`, at that strength.
    public var offTargetChangeAtHalf: Interval?
    /// As a level's `meanShift`, at that strength.
    public var meanShiftAtHalf: Interval?
    /// As a level's `faceSimilarity`, at that strength.
    public var faceSimilarityAtHalf: Interval?
    /// Mean change of each attribute's logit at that strength, or at the largest where none succeeds on half of the faces.
    public var attributeChanges: [String: Double]
    /// The same on people's photographs; nil where none were given.
    public var photographs: OnPhotographs?
    /// The same as another classifier sees it; nil where none was asked.
    public var judged: SecondOpinion?

    /// What a classifier says that no direction was made by.
    public struct SecondOpinion: Codable, Sendable {
        /// The classifier's name.
        public var classifier: String
        /// What the direction does at each strength, ascending.
        public var levels: [Level]
        /// As the direction's.
        public var halfStrength: Double?
        /// As the direction's.
        public var offTargetChangeAtHalf: Interval?
        /// As the direction's.
        public var meanShiftAtHalf: Interval?

        /// What figures of a direction by that classifier say.
        public init(_ metrics: DirectionMetrics, by classifier: String) {
            self.classifier = classifier
            levels = metrics.levels
            halfStrength = metrics.halfStrength
            offTargetChangeAtHalf = metrics.offTargetChangeAtHalf
            meanShiftAtHalf = metrics.meanShiftAtHalf
        }
    }

    /// What a direction does to people's photographs.
    public struct OnPhotographs: Codable, Sendable {
        /// How many were edited.
        public var count: Int
        /// What it does at each strength, ascending; similarity is that to the photograph.
        public var levels: [Level]

        /// All parts as they are.
        public init(count: Int, levels: [Level]) {
            self.count = count
            self.levels = levels
        }
    }
}

// MARK: - Reading, with the keys that earlier versions wrote

extension DirectionMetrics.Level {
    private enum FormerKeys: String, CodingKey {
        case offTargetChange = "others"
        case meanShift = "drift"
        case successRate = "flipped"
        case faceSimilarity = "identity"
        case faceMatchRate = "samePerson"
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        let former = try decoder.container(keyedBy: FormerKeys.self)
        func figure(_ key: CodingKeys, _ formerKey: FormerKeys) throws -> Interval? {
            try keys.decodeIfPresent(Interval.self, forKey: key)
                ?? former.decodeIfPresent(Interval.self, forKey: formerKey)
        }
        strength = try keys.decode(Double.self, forKey: .strength)
        target = try keys.decode(Interval.self, forKey: .target)
        offTargetChange =
            try figure(.offTargetChange, .offTargetChange) ?? keys.decode(Interval.self, forKey: .offTargetChange)
        meanShift = try figure(.meanShift, .meanShift)
        successRate = try figure(.successRate, .successRate)
        faceSimilarity = try figure(.faceSimilarity, .faceSimilarity)
        faceMatchRate = try figure(.faceMatchRate, .faceMatchRate)
        plausible = try keys.decodeIfPresent(Interval.self, forKey: .plausible)
    }
}

extension DirectionMetrics {
    private enum FormerKeys: String, CodingKey {
        case offTargetChangeAtHalf = "othersAtHalf"
        case meanShiftAtHalf = "driftAtHalf"
        case faceSimilarityAtHalf = "identityAtHalf"
        case attributeChanges = "row"
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        let former = try decoder.container(keyedBy: FormerKeys.self)
        func figure(_ key: CodingKeys, _ formerKey: FormerKeys) throws -> Interval? {
            try keys.decodeIfPresent(Interval.self, forKey: key)
                ?? former.decodeIfPresent(Interval.self, forKey: formerKey)
        }
        direction = try keys.decode(String.self, forKey: .direction)
        attribute = try keys.decode(String.self, forKey: .attribute)
        faces = try keys.decode(Int.self, forKey: .faces)
        levels = try keys.decode([Level].self, forKey: .levels)
        halfStrength = try keys.decodeIfPresent(Double.self, forKey: .halfStrength)
        offTargetChangeAtHalf = try figure(.offTargetChangeAtHalf, .offTargetChangeAtHalf)
        meanShiftAtHalf = try figure(.meanShiftAtHalf, .meanShiftAtHalf)
        faceSimilarityAtHalf = try figure(.faceSimilarityAtHalf, .faceSimilarityAtHalf)
        attributeChanges =
            try former.decodeIfPresent([String: Double].self, forKey: .attributeChanges)
            ?? keys.decode([String: Double].self, forKey: .attributeChanges)
        photographs = try keys.decodeIfPresent(OnPhotographs.self, forKey: .photographs)
        judged = try keys.decodeIfPresent(SecondOpinion.self, forKey: .judged)
    }
}

// MARK: - Figures between levels

extension DirectionMetrics {
    /// A level's figure where the target's mean change first reaches `response`, between two levels; nil where none does.
    public func figure(_ part: KeyPath<Level, Interval?>, atResponse response: Double) -> Interval? {
        var before = (target: 0.0, figure: Interval(value: 0, low: 0, high: 0))
        for level in levels where level.strength > 0 {
            guard let figure = level[keyPath: part] else { return nil }
            if level.target.value >= response {
                let t = (response - before.target) / max(level.target.value - before.target, 1e-9)
                func between(_ part: KeyPath<Interval, Double>) -> Double {
                    before.figure[keyPath: part] + t * (figure[keyPath: part] - before.figure[keyPath: part])
                }
                return Interval(value: between(\.value), low: between(\.low), high: between(\.high))
            }
            before = (level.target.value, figure)
        }
        return nil
    }

    /// Off-target change where the target's mean change first reaches `response`; nil where it does not.
    public func offTargetChange(atResponse response: Double) -> Interval? {
        figure(\.offTargetChange.optional, atResponse: response)
    }

    /// Mean shift where the target's mean change first reaches `response`; nil where it does not.
    public func meanShift(atResponse response: Double) -> Interval? { figure(\.meanShift, atResponse: response) }
}

extension Interval {
    fileprivate var optional: Interval? { self }
}
