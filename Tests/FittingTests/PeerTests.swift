import Core
import Fitting
import Testing

@Suite struct PeerTests {
    @Test func `logistic regression agrees with scikit-learn`() throws {
        // LogisticRegression(C=C, solver="newton-cg", tol=1e-12) of scikit-learn 1.9.1 on Fixtures.formula.
        let objectives = [(0.1, 16.70908516738729), (1, 147.6756234042108), (10, 1439.9645997750404)]
        let weights = [
            2.28174216, 0.977629, -1.05814884, 0.02299919, -0.00419518, 0.12296916, -0.1931, 0.08607103, -0.07256996,
            0.29333102,
        ]
        let samples = try Fixtures.formula()
        for (c, expected) in objectives {
            let boundary = try LogisticRegression(c: c).fit(samples)
            #expect(abs(try #require(boundary.record.objective) / expected - 1) < 1e-9)
            if c == 1 {
                #expect(Fixtures.cosine(boundary.direction, weights) > 0.999999)
                #expect(abs(boundary.intercept * boundary.record.norm + 0.1217903) < 1e-5)
            }
        }
    }

    @Test func `logistic regression survives separable data at a large C`() throws {
        let samples = try Fixtures.samples(Fixtures.clouds(count: 300, dimension: 32, shift: 2), 32)
        let boundary = try LogisticRegression(c: 1e4).fit(samples)
        #expect(boundary.accuracy(on: samples) == 1)
    }

    @Test func `the discriminant agrees with scikit-learn`() throws {
        let samples = try Fixtures.formula()
        // LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3).coef_, normalised.
        let expected = [
            0.83322578, 0.36915247, -0.38549435, 0.02560206, 0.03175676, 0.03680501, -0.08779653, 0.02993758,
            -0.04893406, 0.08269075,
        ]
        let fixed = try LinearDiscriminant(shrinkage: .fixed(0.3)).fit(samples)
        #expect(Fixtures.cosine(fixed.direction, expected) > 0.9999999)
        // covariance.ledoit_wolf of the class-centred rows, and the paper's OAS formula in NumPy (scikit-learn's own drops
        // the 2/d terms).
        let ledoitWolf = try LinearDiscriminant(shrinkage: .ledoitWolf).fit(samples)
        #expect(abs(ledoitWolf.record.regularisation - 0.6316821318) < 1e-6)
        let oracle = try LinearDiscriminant(shrinkage: .oracleApproximating).fit(samples)
        #expect(abs(oracle.record.regularisation - 0.6878351906) < 1e-6)
        #expect(throws: Failure.self) { try LinearDiscriminant(shrinkage: .fixed(1.5)).fit(samples) }
    }

    @Test func `ridge regression agrees with scikit-learn`() throws {
        // Ridge(alpha=150) on Fixtures.formula with targets x·(0, 1, …, 9) + (37i mod 101)/50.
        let expected = [
            -0.26377001, 0.30802853, 0.64527933, 1.152057, 1.3953681, 1.90624946, 2.37602283, 2.77329037, 3.01214885,
            3.75785699,
        ]
        let samples = try Fixtures.formula()
        let targets = samples.rows.map { i in
            (0..<10).reduce(Float(i * 37 % 101) / 50) { $0 + samples.features[i * 10 + $1] * Float($1) }
        }
        var ridge = RidgeRegression(dimension: 10, targets: 1)
        try ridge.add(features: Array(samples.features[..<1000]), targets: Array(targets[..<100]))
        try ridge.add(features: Array(samples.features[1000...]), targets: Array(targets[100...]))
        let boundary = try ridge.boundaries(lambda: 0.5)[0]
        #expect(Fixtures.cosine(boundary.direction, expected) > 0.9999999)
        #expect(zip(boundary.weights, expected).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(abs(boundary.intercept * boundary.record.norm - 0.2592417982) < 1e-5)
        // Its sigma is that of the projections.
        let replaced = boundary.replacing(direction: boundary.direction, on: samples)
        #expect(abs(replaced.sigma / boundary.sigma - 1) < 1e-5)
    }

    @Test func `ridge finds a linear target and shrinks noise away`() throws {
        let d = 64
        let features = LatentNoise(seed: 8, size: d).rows(0..<400)
        let noise = LatentNoise(seed: 9, size: 2).rows(0..<400)
        // Target 0 is component 3 exactly; target 1 is noise alone.
        let targets: [Float] = (0..<400).flatMap { (i: Int) -> [Float] in [features[i * d + 3] + 5, noise[i * 2]] }
        var ridge = RidgeRegression(dimension: d, targets: 2)
        try ridge.add(features: features, targets: targets)
        let boundaries = try ridge.boundaries()
        #expect(boundaries[0].direction[3] > 0.99999)
        #expect(boundaries[1].record.norm < 0.1)
        #expect(boundaries[1].record.regularisation > boundaries[0].record.regularisation)
        #expect(throws: Failure.self) { try RidgeRegression(dimension: d, targets: 1).boundaries() }
    }

    @Test func `the joint fit moves its own target and holds the others`() throws {
        let d = 32
        let features = LatentNoise(seed: 4, size: d).rows(0..<2000)
        // Target 0 is x₀ + x₁ + x₂; target 1 is x₁, target 2 x₂: holding those leaves x₀.
        let targets = (0..<2000).flatMap { row in
            let x = features[row * d..<row * d + 3]
            return [x.reduce(0, +) + 2, x[row * d + 1], x[row * d + 2]]
        }
        var ridge = RidgeRegression(dimension: d, targets: 3)
        try ridge.add(features: features, targets: targets)
        let plain = try ridge.boundaries()[0]
        #expect(abs(plain.direction[0] - plain.direction[1]) < 0.01)
        let joint = try ridge.jointBoundary(target: 0, penalty: 1e-4)
        // What the 2,000 samples' covariance has of chance stays in the other 29 coordinates.
        #expect(joint.direction[0] > 0.98 && joint.record.solver == "joint")
        #expect(abs(joint.direction[1]) < 0.01 && abs(joint.direction[2]) < 0.01)
        // A large penalty asks for the shortest step alone, in standard deviations: the plain direction.
        let short = try ridge.jointBoundary(target: 0, penalty: 1e4)
        #expect(Fixtures.cosine(short.direction, plain.weights) > 0.98)
        // Its plane lies where the target's mean prediction is 0: x₀ = −2.
        #expect(abs(joint.intercept - 2) < 0.1)
        #expect(abs(joint.sigma - 1) < 0.1)
        var alone = RidgeRegression(dimension: d, targets: 1)
        try alone.add(features: features, targets: (0..<2000).map { features[$0 * d] })
        #expect(throws: Failure.self) { try alone.jointBoundary(target: 0, penalty: 1) }
    }

    @Test func `the split is seeded, stratified and disjoint`() throws {
        let samples = try Fixtures.samples(Fixtures.clouds(count: 1000, dimension: 4, shift: 1, every: 4), 4)
        let (train, validation) = try samples.split(fraction: 0.7, seed: 5)
        #expect(train.count == 700 && train.positives == 175)
        #expect(validation.count == 300 && validation.positives == 75)
        #expect(Set(train.rows).isDisjoint(with: validation.rows))
        #expect(try samples.split(fraction: 0.7, seed: 5).train.rows == train.rows)
        #expect(try samples.split(fraction: 0.7, seed: 6).train.rows != train.rows)
        #expect(train.rows != Array(0..<700))
    }

    @Test func `folds cover every sample once`() throws {
        let samples = try Fixtures.samples(Fixtures.clouds(count: 103, dimension: 4, shift: 1), 4)
        let folds = try samples.folds(5, seed: 1)
        #expect(folds.flatMap(\.validation.rows).sorted() == Array(0..<103))
        for fold in folds { #expect(Set(fold.train.rows).isDisjoint(with: fold.validation.rows)) }
        let few = try Fixtures.samples(Fixtures.clouds(count: 6, dimension: 4, shift: 1), 4)
        #expect(throws: Failure.self) { try few.folds(5, seed: 1) }
    }

    @Test func `cross-validation prefers a small C on noisy data`() throws {
        let samples = try Fixtures.samples(Fixtures.clouds(count: 160, dimension: 128, shift: 0.35), 128)
        let (c, trials) = try CrossValidation(folds: 5, grid: [1e-4, 1e-2, 1], seed: 1)
            .choose(samples) { SupportVectorMachine(c: $0) }
        #expect(trials.map(\.c) == [1e-4, 1e-2, 1])
        #expect(trials.allSatisfy { $0.accuracy > 0.5 && $0.accuracy <= 1 })
        #expect(c < 1)
    }

    @Test func `a conditional direction is orthogonal to its conditions`() throws {
        let rows = LatentNoise(seed: 2, size: 64).rows(0..<4)
        let vectors = (0..<4).map { Array(rows[$0 * 64..<($0 + 1) * 64]) }
        // The third condition repeats the first: the span has two dimensions.
        let conditions = [vectors[1], vectors[2], vectors[1].map { -2 * $0 }]
        let (direction, remaining) = try Conditioning.project(vectors[0], out: conditions)
        #expect(abs(direction.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
        for condition in conditions { #expect(abs(Fixtures.cosine(direction, condition.map(Double.init))) < 1e-6) }
        #expect(remaining > 0.8 && remaining < 1)
        #expect(throws: Failure.self) { try Conditioning.project(vectors[1], out: conditions) }
        #expect(throws: Failure.self) { try Conditioning.project([1, 2], out: conditions) }
    }

    @Test func `distances are signed and in the features' units`() throws {
        let samples = try LabelledSamples(features: [3, 0, 5, 1], dimension: 2, labels: [-1, 1])
        let boundary = try SupportVectorMachine(c: 100).fit(samples)
        let distances = boundary.distances(features: samples.features)
        let half = (5.0).squareRoot() / 2
        #expect(abs(distances[0] + half) < 1e-4 && abs(distances[1] - half) < 1e-4)
    }
}
