import Core
import Fitting
import Testing

@Suite struct SupportVectorMachineTests {
    /// `SVC(kernel="linear", C=C, tol=1e-12)` of scikit-learn 1.9.1 on Fixtures.formula: objective and intercept.
    static let reference: [(c: Double, objective: Double, weights: [Double])] = [
        (
            0.1, 17.962001668972793,
            [
                1.52898171, 0.53296251, -0.75786939, 0.1134929, -0.00565506, 0.08400343, -0.15183942, 0.06402267,
                -0.21127053, 0.13729846,
            ]
        ),
        (
            1, 161.19369149705815,
            [
                1.92830825, 0.77352708, -1.01594298, 0.15426466, -0.12561551, -0.00440756, -0.11680039, 0.1145966,
                -0.16528356, 0.15646844,
            ]
        ),
        (
            10, 1586.542076068764,
            [
                2.02537348, 0.75440958, -1.02734247, 0.1258951, -0.16001171, 0.01489599, -0.11292118, 0.12108994,
                -0.19556987, 0.18307646,
            ]
        ),
    ]

    @Test(arguments: reference.indices) func `agrees with scikit-learn`(_ index: Int) throws {
        let expected = SupportVectorMachineTests.reference[index]
        let samples = try Fixtures.formula()
        let boundary = try SupportVectorMachine(c: expected.c).fit(samples)
        let objective = try #require(boundary.record.objective)
        #expect(objective <= expected.objective * (1 + 1e-6))
        #expect(objective >= expected.objective * (1 - 1e-6))
        #expect(Fixtures.cosine(boundary.direction, expected.weights) > 0.99999)
    }

    @Test func `the smallest problem has its textbook answer`() throws {
        // x = ±1: the margin is 2 wide, w = 1, b = 0.
        let samples = try LabelledSamples(features: [1, -1], dimension: 1, labels: [1, -1])
        let boundary = try SupportVectorMachine(c: 10).fit(samples)
        #expect(abs(boundary.record.norm - 1) < 1e-5)
        #expect(abs(boundary.intercept) < 1e-5)
        #expect(boundary.direction == [1])
        // C = 0.1 caps both multipliers: w = 2C = 0.2.
        let soft = try SupportVectorMachine(c: 0.1).fit(samples)
        #expect(abs(soft.record.norm - 0.2) < 1e-5)
    }

    @Test(arguments: [(1e-4, Float(0.3)), (1, 0.3), (1000, 0.3), (1, 2), (1000, 2), (0.01, 0)])
    func `the certificate holds`(_ c: Double, _ shift: Float) throws {
        let samples = try Fixtures.samples(Fixtures.clouds(count: 1500, dimension: 48, shift: shift), 48)
        let boundary = try SupportVectorMachine(c: c).fit(samples)
        let gap = try #require(boundary.record.relativeGap)
        let objective = try #require(boundary.record.objective)
        #expect(gap <= 1e-6)
        #expect(abs(Fixtures.hingeObjective(boundary, samples, c: c) / objective - 1) < 1e-6)
    }

    @Test func `fewer samples than dimensions`() throws {
        let samples = try Fixtures.samples(Fixtures.clouds(count: 100, dimension: 512, shift: 0.5), 512)
        let boundary = try SupportVectorMachine(c: 1).fit(samples)
        #expect(try #require(boundary.record.relativeGap) <= 1e-6)
        #expect(boundary.accuracy(on: samples) == 1)
        #expect(abs(boundary.direction.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
    }

    @Test(arguments: [Float(1e-6), 1e-3, 1e3, 1e6]) func `scaled features with C to match have the same answer`(
        _ scale: Float
    ) throws {
        let plain = try Fixtures.samples(Fixtures.clouds(count: 600, dimension: 32, shift: 0.2), 32)
        let scaled = try Fixtures.samples(Fixtures.clouds(count: 600, dimension: 32, shift: 0.2, scale: scale), 32)
        let expected = try SupportVectorMachine(c: 1).fit(plain)
        let boundary = try SupportVectorMachine(c: 1 / Double(scale * scale)).fit(scaled)
        #expect(Fixtures.cosine(boundary.direction, expected.weights) > 0.9999)
    }

    @Test(arguments: [Float(1e-6), 1e6]) func `scaled features at the same C are solved as they are`(_ scale: Float)
        throws
    {
        for shift in [Float(0.2), 3] {
            let data = Fixtures.clouds(count: 600, dimension: 32, shift: shift, decays: true, scale: scale)
            let samples = try Fixtures.samples(data, 32)
            let boundary = try SupportVectorMachine(c: 1).fit(samples)
            #expect(try #require(boundary.record.relativeGap) <= 1e-6)
            #expect(boundary.accuracy(on: samples) > (shift > 1 ? 0.999 : 0.6))
        }
    }

    @Test func `duplicated rows count as a larger C`() throws {
        let data = Fixtures.clouds(count: 400, dimension: 24, shift: 0.2)
        let once = try Fixtures.samples(data, 24)
        let thrice = try Fixtures.samples(
            (data.features + data.features + data.features, data.labels + data.labels + data.labels), 24)
        let expected = try SupportVectorMachine(c: 3).fit(once)
        let boundary = try SupportVectorMachine(c: 1).fit(thrice)
        #expect(Fixtures.cosine(boundary.direction, expected.weights) > 0.99999)
        #expect(abs(boundary.record.norm / expected.record.norm - 1) < 1e-3)
    }

    @Test func `constant and repeated features do no harm`() throws {
        let plain = Fixtures.clouds(count: 300, dimension: 8, shift: 0.3)
        // Components: 8 real ones, a constant, and a copy of the first.
        var features: [Float] = []
        for i in 0..<300 {
            let row = plain.features[i * 8..<(i + 1) * 8]
            features += row + [7, row.first ?? 0]
        }
        let samples = try Fixtures.samples((features, plain.labels), 10)
        let boundary = try SupportVectorMachine(c: 1).fit(samples)
        #expect(abs(boundary.direction[8]) < 1e-12)
        #expect(abs(boundary.direction[0] - boundary.direction[9]) < 1e-4)
    }

    @Test func `a large offset does not change the direction`() throws {
        let plain = try Fixtures.samples(Fixtures.clouds(count: 500, dimension: 16, shift: 0.3), 16)
        let moved = try Fixtures.samples(Fixtures.clouds(count: 500, dimension: 16, shift: 0.3, offset: 1000), 16)
        let expected = try SupportVectorMachine(c: 1).fit(plain)
        let boundary = try SupportVectorMachine(c: 1).fit(moved)
        // The offset itself rounds the features to 6e-5.
        #expect(Fixtures.cosine(boundary.direction, expected.weights) > 0.9999)
    }

    @Test func `a rare class is no trouble`() throws {
        let data = Fixtures.clouds(count: 1000, dimension: 32, shift: 0.8, every: 50)
        let samples = try Fixtures.samples(data, 32)
        for c in [1e-3, 1, 100] {
            let boundary = try SupportVectorMachine(c: c).fit(samples)
            #expect(try #require(boundary.record.relativeGap) <= 1e-6)
        }
    }

    @Test func `hopeless data are refused by name`() throws {
        func problem(_ features: [Float], _ labels: [Int8], dimension: Int = 2) -> String {
            do {
                let samples = try LabelledSamples(features: features, dimension: dimension, labels: labels)
                _ = try SupportVectorMachine(c: 1).fit(samples)
                return "none"
            } catch {
                return "\(error)"
            }
        }
        #expect(problem([1, 2, 3, 4], [1, 1]).contains("one class only"))
        #expect(problem([], []).contains("is empty"))
        #expect(problem([1, 2, .nan, 4], [1, -1]).contains("row 1, column 0 is nan"))
        #expect(problem([1, 2, 3, .infinity], [1, -1]).contains("row 1, column 1 is inf"))
        #expect(problem([1, 2, 3, 4], [1, 0]).contains("label 1 is 0"))
        #expect(problem([1, 2, 3], [1, -1]).contains("3 values for 2 labels"))
        #expect(problem([5, 5, 5, 5], [1, -1]).contains("the same in all rows"))
        #expect(problem([1, 0, 1, 0, 0, 1, 0, 1], [1, -1, 1, -1]).contains("cannot be told apart"))
        #expect(problem([3e38, 0, -3e38, 1], [1, -1]).contains("too large"))
    }

    @Test func `C must be a positive number`() throws {
        let samples = try Fixtures.formula()
        for c in [0, -1, Double.nan, .infinity] {
            #expect(throws: Failure.self) { try SupportVectorMachine(c: c).fit(samples) }
        }
    }
}
