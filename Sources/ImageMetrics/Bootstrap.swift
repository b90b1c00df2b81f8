import Core

/// Means with intervals, by drawing pictures with replacement (Efron, 1979).
public enum Bootstrap {
    static let domain: UInt32 = 0x6963_6f6c

    /// A mean and its interval.
    public struct Estimate: Sendable, Codable, Equatable {
        public var value: Double
        /// The interval of 95 %.
        public var low: Double
        public var high: Double

        public init(value: Double, low: Double, high: Double) {
            self.value = value
            self.low = low
            self.high = high
        }

        public init(_ value: Double, _ interval: ClosedRange<Double>) {
            self.init(value: value, low: interval.lowerBound, high: interval.upperBound)
        }
    }

    /// The mean of some values with the interval that 95 % of 1,000 draws lie in; nil without values.
    ///
    /// - Parameters:
    ///   - values: One a picture; those that are not numbers (a region that a picture has not) are left out.
    ///   - seed: Of the draws.
    /// - Returns: The mean and its interval.
    public static func mean(_ values: [Double], seed: UInt64 = 0) -> Estimate? {
        let values = values.filter(\.isFinite)
        if values.isEmpty { return nil }
        var random = CounterRandom(seed: seed, domain: domain)
        let means = (0..<1000).map { _ in
            draw(values.count, &random).reduce(0) { $0 + values[$1] } / Double(values.count)
        }.sorted()
        return Estimate(
            value: values.reduce(0, +) / Double(values.count), low: means[25], high: means[974])
    }

    /// As many numbers below `count`, each drawn from all.
    static func draw(_ count: Int, _ random: inout CounterRandom) -> [Int] {
        (0..<count).map { _ in random.index(count) }
    }
}
