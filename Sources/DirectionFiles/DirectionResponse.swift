extension DirectionMetadata {
    /// What a direction did to a classifier's logit of its attribute on a few faces: whether it does anything at all.
    public struct Response: Sendable, Equatable, Codable {
        /// The attribute, as its classifier spells it.
        public var attribute: String
        /// The mean change of the attribute's logit for each sigma along the direction.
        public var perSigma: Double
        /// Standard deviation of that logit between the faces as they are.
        public var spread: Double
        /// How many faces it was measured on.
        public var faces: Int
        /// SHA-256 of the classifier.
        public var classifierSHA256: String

        /// - Parameters:
        ///   - attribute: The attribute, as its classifier spells it.
        ///   - perSigma: The mean change of the attribute's logit for each sigma along the direction.
        ///   - spread: Standard deviation of that logit between the faces as they are.
        ///   - faces: How many faces it was measured on.
        ///   - classifierSHA256: SHA-256 of the classifier.
        public init(attribute: String, perSigma: Double, spread: Double, faces: Int, classifierSHA256: String) {
            self.attribute = attribute
            self.perSigma = perSigma
            self.spread = spread
            self.faces = faces
            self.classifierSHA256 = classifierSHA256
        }

        /// Of a logit's standard deviation a sigma along fitted directions changes 0.3 to 0.6, along random ones 0.03 at most.
        public static let least = 0.1

        /// Whether the direction does no more for the attribute than a random one would.
        public var isNone: Bool { !(abs(perSigma) >= Response.least * spread) }
    }
}

extension DirectionMetadata.Response {
    /// The keys of the texts.
    static let keys = [
        "response", "response_attribute", "response_spread", "response_faces", "response_classifier_sha256",
    ]

    /// Keys and texts for the file.
    var texts: [String: String] {
        Dictionary(
            uniqueKeysWithValues: zip(
                Self.keys, ["\(perSigma)", attribute, "\(spread)", "\(faces)", classifierSHA256]))
    }

    /// Nil unless all texts are there and numbers are numbers: what is not is kept as it is.
    init?(texts: [String: String]) {
        let values = Self.keys.map { texts[$0] ?? "" }
        guard let perSigma = Double(values[0]), let spread = Double(values[2]), let faces = Int(values[3]),
            perSigma.isFinite, spread.isFinite, !values[1].isEmpty
        else { return nil }
        self.init(
            attribute: values[1], perSigma: perSigma, spread: spread, faces: faces, classifierSHA256: values[4])
        guard self.texts.allSatisfy({ texts[$0.key] == $0.value }) else { return nil }
    }
}
