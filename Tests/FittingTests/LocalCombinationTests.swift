import Core
import Fitting
import Testing

@Suite struct LocalCombinationTests {
    private static let faces = 120
    private static let all = Array(0..<faces)

    /// Steps on faces with two logits beside the target: for each what it changes on average, and noise.
    private func changes(_ means: [[Float]], noise: Float) -> [[Float]] {
        let source = Fixtures.clouds(count: means.count * Self.faces, dimension: 4, shift: 0).features
        return means.enumerated().map { step, mean in
            (0..<Self.faces).flatMap { face in
                (0..<3).map { k in mean[k] + noise * source[(step * Self.faces + face) * 4 + k] }
            }
        }
    }

    /// The plain step moves the target by about 1 and drags the others; the second undoes half of that, the third moves
    /// the target alone.
    private static let usual: [[Float]] = [[1, 0.8, -0.6], [0, -0.4, 0.3], [0.2, 0, 0]]

    private func combination(_ means: [[Float]] = usual, noise: Float = 0.02, lengths: [Double] = [1, 1, 1]) throws
        -> LocalCombination
    {
        var gram = [Double](repeating: 0, count: 9)
        for (step, length) in lengths.enumerated() { gram[step * 4] = length * length }
        return try LocalCombination(changes: changes(means, noise: noise), targets: 3, gram: gram)
    }

    /// A combination seen to do what these averages say.
    private func seen(_ coefficients: [Double], _ mean: [Float]) -> LocalCombination.Observation {
        LocalCombination.Observation(
            coefficients: coefficients, changes: [[Float]](repeating: mean, count: Self.faces).flatMap(\.self))
    }

    @Test func aStepHoldsTheOthersAndKeepsTheOwnLogit() throws {
        let plain = seen([1, 0, 0], [1, 0.8, -0.6])
        let step = try combination().steps(
            from: [.init(centre: plain)], target: 0, own: Self.all, rise: 1, unit: 1, penalties: [0.005])[0]
        #expect(abs(step[0] + 0.2 * step[2]) < 0.01)
        #expect(abs(0.8 * (1 + step[0]) - 0.4 * step[1]) < 0.05)
        // Where nothing has to be done, nothing is.
        let fine = try combination().steps(
            from: [.init(centre: seen([0, 0, 5], [1, 0, 0]))], target: 0, own: Self.all, rise: 1, unit: 1,
            penalties: [0.02]
        )[0]
        #expect(fine.allSatisfy { abs($0) < 0.02 })
    }

    @Test func theOwnLogitIsBroughtToWhatIsWanted() throws {
        let short = seen([0.8, 0, 0], [0.8, 0, 0])
        let combination = try combination()
        let step = try combination.steps(
            from: [.init(centre: short)], target: 0, own: Self.all, rise: 1, unit: 1, penalties: [0.02])[0]
        #expect(abs(step[0] + 0.2 * step[2] - 0.2) < 0.01)
        // But not by leaps.
        let leap = try combination.steps(
            from: [.init(centre: seen([0.1, 0, 0], [0.1, 0, 0]))], target: 0, own: Self.all, rise: 1, unit: 1,
            penalties: [0.02])[0]
        #expect(abs(leap[0] + 0.2 * leap[2] - 0.3) < 0.01)
    }

    @Test func fromNothingTheWholeRiseIsPromised() throws {
        let combination = try combination()
        func promised(_ step: [Double], _ k: Int) -> Double {
            var total = 0.0
            for (coefficient, mean) in zip(step, Self.usual) { total += coefficient * Double(mean[k]) }
            return total
        }
        let found = try combination.fresh(target: 0, own: Self.all, rise: 2, unit: 1, penalties: [0.001, 10])
        // The others are held where length costs little; where it costs much, no detour is made.
        #expect(abs(promised(found[0], 0) - 2) < 0.05 && abs(promised(found[0], 1)) < 0.1)
        #expect(abs(promised(found[1], 0) - 2) < 0.05)
        #expect(combination.length(found[1]) < combination.length(found[0]))
    }

    @Test func aLongStepIsTakenOnlyWhereItPays() throws {
        let plain = seen([1, 0, 0], [1, 0.8, -0.6])
        // Two steps undo the drag alike, and one of them is four times as long.
        let twins = try combination([[1, 0.8, -0.6], [0, -0.4, 0.3], [0, -0.4, 0.3]], lengths: [1, 1, 4])
        let step = try twins.steps(
            from: [.init(centre: plain)], target: 0, own: Self.all, rise: 1, unit: 1, penalties: [0.02])[0]
        #expect(step[1] > 0.5 && abs(step[2]) < 0.2 * step[1])
        let dear = try twins.steps(
            from: [.init(centre: plain)], target: 0, own: Self.all, rise: 1, unit: 1, penalties: [100])[0]
        #expect(twins.length(dear) < 0.02)
    }

    @Test func aShorterCombinationIsPreferredWhereLengthCosts() throws {
        // The third step does what the first does and is a quarter as long.
        let combination = try combination([[1, 0, 0], [0, -0.4, 0.3], [1, 0, 0]], lengths: [4, 1, 1])
        func step(_ lengthPenalty: Double) throws -> [Double] {
            try combination.steps(
                from: [.init(centre: seen([1, 0, 0], [1, 0, 0]))], target: 0, own: Self.all, rise: 1, unit: 4,
                penalties: [0.02], lengthPenalty: lengthPenalty)[0]
        }
        #expect(try combination.length(step(0)) < 0.1)
        let shorter = try step(0.5)
        #expect(shorter[0] < -0.7 && shorter[2] > 0.7 && combination.length([1 + shorter[0], 0, shorter[2]]) < 2)
    }

    @Test func whatWasSeenCountsMoreThanWhatIsPromised() throws {
        let plain = seen([1, 0, 0], [1, 0.8, -0.6])
        // The third step is too long to be of use.
        let combination = try combination(lengths: [1, 1, 100])
        func step(_ others: [LocalCombination.Observation]) throws -> [Double] {
            try combination.steps(
                from: [.init(centre: plain, seen: others)], target: 0, own: Self.all, rise: 1, unit: 1, penalties: [0.3]
            )[0]
        }
        let trusting = try step([])
        // The second step was tried and did nothing.
        let wiser = try step([seen([1, 0.5, 0], [1, 0.8, -0.6])])
        #expect(trusting[1] > 0.5 && abs(wiser[1]) < 0.4 * trusting[1])
        // What was seen far away teaches nothing.
        let remote = try step([seen([1, 2, 0], [1, 0.8, -0.6])])
        #expect(abs(remote[1] - trusting[1]) < 1e-6)
    }

    @Test func aLongerStrengthCountsToo() throws {
        // At its own strength all is well; at twice that the others go along, and the second step would hold them.
        let near = seen([1, 0, 0], [1, 0, 0])
        let far = seen([2, 0, 0], [2, 0.8, -0.6])
        let combination = try combination()
        func step(_ views: [LocalCombination.View]) throws -> [Double] {
            try combination.steps(from: views, target: 0, own: Self.all, rise: 1, unit: 1, penalties: [0.01])[0]
        }
        let alone = try step([.init(centre: near)])
        let both = try step([.init(centre: near), .init(centre: far, multiple: 2, weight: 2)])
        #expect(abs(alone[1]) < 0.05 && both[1] > 0.3)
    }

    @Test func lengthsAreThoseOfTheGramMatrix() throws {
        let gram = [4.0, 1, 0, 1, 9, 0, 0, 0, 1]
        let combination = try LocalCombination(changes: changes(Self.usual, noise: 0), targets: 3, gram: gram)
        #expect(combination.product([1, 0, 0], [0, 1, 0]) == 1)
        // 4 + 2 · 1 + 9 + 4.
        #expect(abs(combination.length([1, 1, 2]) - 19.0.squareRoot()) < 1e-12)
    }

    @Test func theCostIsWhatTheOthersChange() {
        // Two faces: the others change by +1 and -1, and by +1 twice: 1 face by face; the drifts are 0 and 1.
        let expected = 1 + LocalCombination.driftShare / 2
        #expect(abs(LocalCombination.cost(of: [2, 1, 1, 4, -1, 1], targets: 3, target: 0) - expected) < 1e-6)
        #expect(LocalCombination.cost(of: [2, 0, 0], targets: 3, target: 0) == 0)
    }

    @Test func whatDoesNotFitIsRefused() {
        let one = (0..<30).map { Float($0) }
        #expect(throws: Failure.self) { try LocalCombination(changes: [], targets: 3, gram: []) }
        #expect(throws: Failure.self) {
            try LocalCombination(changes: [one, [1, 2]], targets: 3, gram: [1, 0, 0, 1])
        }
        #expect(throws: Failure.self) { try LocalCombination(changes: [one], targets: 3, gram: [1, 0]) }
        #expect(throws: Failure.self) {
            try LocalCombination(changes: [one.dropLast() + [.nan]], targets: 3, gram: [1])
        }
        let failure = #expect(throws: Failure.self) {
            try LocalCombination(changes: [[1, 2, 3]], targets: 3, gram: [1])
        }
        #expect(failure?.isUsage == true)
    }
}

@Suite struct InverseCovarianceTests {
    @Test func productsAreThoseOfMahalanobis() throws {
        // Independent coordinates with standard deviations 1, 2 and 4.
        let source = Fixtures.clouds(count: 4000, dimension: 4, shift: 0).features
        let scales: [Float] = [1, 2, 4]
        var samples: [Float] = []
        for i in 0..<4000 {
            for k in 0..<3 { samples.append(source[i * 4 + k] * scales[k] + 7) }
        }
        let spread = try InverseCovariance(samples, dimension: 3)
        let products = try spread.products([[1, 0, 0], [0, 0, 4], [1, 0, 4]])
        let variances: [Double] = (0..<3).map { k in
            let column = stride(from: k, to: samples.count, by: 3).map { Double(samples[$0]) }
            let mean: Double = column.reduce(0, +) / 4000
            let squares = column.map { ($0 - mean) * ($0 - mean) }
            return squares.reduce(0, +) / 3999
        }
        let ridge: Double = 0.05 * variances.reduce(0, +) / 3
        #expect(abs(products[0] - 1 / (variances[0] + ridge)) < 0.02)
        #expect(abs(products[4] - 16 / (variances[2] + ridge)) < 0.02)
        // Bilinear and symmetric.
        let sum = products[0] + products[4] + 2 * products[1]
        #expect(abs(products[8] - sum) < 1e-6)
        #expect(abs(products[5] - products[7]) < 1e-9)
    }

    @Test func sameLatentsAreRefused() {
        #expect(throws: Failure.self) { try InverseCovariance([1, 2, 1, 2], dimension: 2) }
        #expect(throws: Failure.self) { try InverseCovariance([1, 2], dimension: 2) }
        #expect(throws: Failure.self) { try InverseCovariance([1, 2, 3, .infinity], dimension: 2) }
    }
}
