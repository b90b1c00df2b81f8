import Core
import Fitting
import Foundation
import Testing

/// The descent on faces whose logits follow a rule instead of being synthesized.
@Suite struct LocalDescentTests {
    private static let size = 6
    private static let targets = 4
    private static let batch = 16

    /// What each component of each of two groups of layers changes of the target and of three others.
    ///
    /// The baseline, the first component in both groups, moves all three in the first group; the second
    /// component takes that back, and a little of the target; the rest does nothing.
    private static let effects: [[[Double]]] = [
        [[1, 1.6, -1.2, 0.8], [-0.2, -1.6, 1.2, -0.8]] + [[Double]](repeating: [0, 0, 0, 0], count: 4),
        [[1, 0, 0, 0]] + [[Double]](repeating: [0, 0, 0, 0], count: 5),
    ]

    /// Latents whose components have the standard deviation 1, but for the last.
    private static func metric() throws -> LatentMetric {
        var values: [Float] = []
        for i in 0..<size {
            for sign: Float in [1, -1] {
                var row = [Float](repeating: 0, count: size)
                row[i] = sign * (i == size - 1 ? 0.1 : 1) * Float(size).squareRoot()
                values += row
            }
        }
        return try LatentMetric(values, dimension: size)
    }

    /// Faces of a step: targets from -4 to +1, the others anywhere.
    private static func base(step: Int) -> [Float] {
        (0..<batch).flatMap { face -> [Float] in
            let place = (face * 7 + step * 5) % 40
            return [-4 + 5 * Float(place) / 40] + (1..<targets).map { Float((face * 37 + step * $0) % 100) / 25 - 2 }
        }
    }

    private static func change(_ direction: [[Double]], _ k: Int) -> Double {
        zip(direction, effects).reduce(0.0) { (total: Double, group) -> Double in
            total + zip(group.0, group.1).reduce(0.0) { (sum: Double, pair) -> Double in sum + pair.0 * pair.1[k] }
        }
    }

    private static func descended(steps: Int, share: Double = 0.5) throws -> [[Double]] {
        var descent = LocalDescent(
            baseline: [1] + [Double](repeating: 0, count: size - 1), groups: 2, successRate: share,
            metric: try metric(),
            target: 0,
            targets: targets, threshold: 0, steps: steps)
        let multiples = LocalDescent.multiples(count: batch)
        for step in 0..<steps {
            let base = base(step: step)
            let changes = (0..<targets).map { change(descent.direction, $0) }
            let logits = base.indices.map { base[$0] + multiples[$0 / targets] * Float(changes[$0 % targets]) }
            let gradients = descent.gradients(base: base, logits: logits)
            try descent.move(
                (0..<batch).map { face in
                    effects.flatMap { $0 }.map { effect in
                        (0..<targets).reduce(0.0) {
                            $0 + Double(multiples[face] * gradients[face * targets + $1]) * effect[$1]
                        }
                    }
                })
        }
        #expect(descent.done == steps)
        return descent.result
    }

    @Test func theOthersAreHeldAndHalfFlip() throws {
        let plain = try Self.descended(steps: 0)
        let found = try Self.descended(steps: 60)
        func drag(_ direction: [[Double]]) -> Double { (1..<4).reduce(0) { $0 + abs(Self.change(direction, $1)) } }
        #expect(drag(plain) > 3)
        #expect(drag(found) < 0.15 * drag(plain), "\(found)")
        // Half of the faces that lack it are within 2 of having it.
        let rise = Self.change(found, 0)
        #expect(abs(rise - 2) < 0.6, "\(rise)")
        // It is no longer than the baseline in standard deviations.
        let metric = try Self.metric()
        func square(_ direction: [[Double]]) -> Double {
            direction.reduce(0) { $0 + metric.length($1) * metric.length($1) }
        }
        #expect(square(found) <= square(plain) * 1.0001)
        // Nothing goes where nothing changes.
        #expect(found.flatMap { $0[2...] }.allSatisfy { abs($0) < 0.05 }, "\(found)")
    }

    @Test func fewerFlipWhereFewerShould() throws {
        let few = Self.change(try Self.descended(steps: 60, share: 0.25), 0)
        let half = Self.change(try Self.descended(steps: 60), 0)
        #expect(few < half - 0.4, "\(few), \(half)")
    }

    @Test func aStepIsAsFarInEveryStandardDeviation() throws {
        let metric = try Self.metric()
        var descent = LocalDescent(
            baseline: [1] + [Double](repeating: 0, count: Self.size - 1), groups: 1, successRate: 0.5, metric: metric,
            target: 0,
            targets: Self.targets, threshold: 0, steps: 10)
        try descent.move([[0, 1, 0, 0, 0, 10]])
        // The last component's deviation is a tenth: its slope, ten times as steep, leads a tenth as far.
        let point = descent.direction[0]
        #expect(point[1] < 0 && abs(point[5] / point[1] - 0.1) < 0.01, "\(point)")
        #expect(metric.length([0, 1, 0, 0, 0, 0]) > 0.9 && metric.length([0, 0, 0, 0, 0, 1]) > 3)
    }

    /// What one judge sees more of does not make up for what another sees less of.
    @Test func judgesHaveMeanShiftsOfTheirOwn() throws {
        func gradients(judges: Int) throws -> [Float] {
            var descent = LocalDescent(
                baseline: [1] + [Double](repeating: 0, count: Self.size - 1), groups: 1, successRate: 0.5,
                metric: try Self.metric(), target: 0, targets: Self.targets, threshold: 0, steps: 10, judges: judges)
            let base = Self.base(step: 0) + Self.base(step: 0)
            // The second half sees the opposite of the first.
            let logits = base.indices.map { at in
                base[at] + [1, 2, 0, 0][at % Self.targets] * Float(at % 4 == 0 || at < base.count / 2 ? 1 : -1)
            }
            return descent.gradients(base: base, logits: logits)
        }
        let rows = 2 * Self.batch
        let (each, both) = (try gradients(judges: 2), try gradients(judges: 1))
        for row in 0..<rows {
            let sign: Float = row < Self.batch ? 1 : -1
            #expect(abs(each[row * 4 + 1] - sign * 2 / Float(rows * 3)) < 1e-4)
            // Taken for one judge's, the shifts cancel, and each face's change alone counts.
            #expect(abs(both[row * 4 + 1] - sign / Float(rows * 3)) < 1e-4)
        }
    }

    /// What an edit costs besides makes a success dearer.
    @Test func costsRaiseThePrice() throws {
        func own(cost: Double) throws -> Float {
            var descent = LocalDescent(
                baseline: [1] + [Double](repeating: 0, count: Self.size - 1), groups: 1, successRate: 0.5,
                metric: try Self.metric(), target: 0, targets: Self.targets, threshold: 0, steps: 10)
            let base = Self.base(step: 0)
            let logits = base.indices.map { base[$0] + [1, 0.5, 0, 0][$0 % Self.targets] }
            let gradients = descent.gradients(base: base, logits: logits, cost: cost)
            return stride(from: 0, to: gradients.count, by: 4).reduce(0) { $0 + gradients[$1] }
        }
        #expect(try own(cost: 1) < 1.5 * own(cost: 0) && own(cost: 0) < 0)
    }

    @Test func gradientsAreThoseOfWhatIsToFall() throws {
        var descent = LocalDescent(
            baseline: [1] + [Double](repeating: 0, count: Self.size - 1), groups: 1, successRate: 0.5,
            metric: try Self.metric(),
            target: 0, targets: Self.targets, threshold: 0, steps: 10)
        let base = Self.base(step: 0)
        let logits = base.indices.map { base[$0] + [1, 2, -3, 0][$0 % Self.targets] }
        let gradients = descent.gradients(base: base, logits: logits)
        for face in 0..<Self.batch {
            let own = gradients[face * 4..<face * 4 + 4].map { $0 }
            #expect(base[face * 4] < 0 ? own[0] < 0 : own[0] == 0)
            // Face by face and the mean shift.
            let each = 2 / Float(Self.batch * 3)
            #expect(abs(own[1] - each) < 1e-4 && abs(own[2] + each) < 1e-4 && own[3] == 0, "\(own)")
        }
    }
}

@Suite struct NaturalGradientTests {
    /// Two groups of two; W's components have the deviations 1 and 0.5.
    private static let metric = Result { try LatentMetric([1, 0, -1, 0, 0, 0.5, 0, -0.5], dimension: 2) }

    /// (C F + damping · trace)⁻¹ C v by elimination.
    private static func expected(_ gradients: [[Double]], _ v: [Double]) -> [Double] {
        let covariance: [Double] = [2.0 / 3, 0.5 / 3, 2.0 / 3, 0.5 / 3]
        var rows = [[Double]](repeating: [Double](repeating: 0, count: 5), count: 4)
        for i in 0..<4 {
            for gradient in gradients {
                for j in 0..<4 { rows[i][j] += covariance[i] * gradient[i] * gradient[j] / Double(gradients.count) }
            }
            rows[i][4] = covariance[i] * v[i]
        }
        let trace: Double = (0..<4).reduce(0.0) { $0 + rows[$1][$1] }
        for i in 0..<4 { rows[i][i] += 0.1 * trace }
        for i in 0..<4 {
            rows[i] = rows[i].map { [pivot = rows[i][i]] in $0 / pivot }
            for j in 0..<4 where j != i {
                rows[j] = zip(rows[j], rows[i]).map { [factor = rows[j][i]] in $0 - factor * $1 }
            }
        }
        return rows.map { 0.1 * trace * $0[4] }
    }

    private static func gradients(_ count: Int) -> [[Double]] {
        (0..<count).map { face in (0..<4).map { sin(Double(face * 5 + $0 * 3 + 1)) * [3, 1, 0.2, 0.1][$0] } }
    }

    @Test func itSolvesWhatItSays() throws {
        for count in [1, 3, 7] {
            var natural = NaturalGradient(metric: try Self.metric.get(), groups: 2)
            let gradients = Self.gradients(count)
            gradients.forEach { natural.observe($0) }
            let v = [0.4, -0.3, 0.2, 0.1]
            let (found, expected) = (try natural.step(v), Self.expected(gradients, v))
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "\(found), \(expected)")
        }
    }

    @Test func theLastFacesCount() throws {
        var natural = NaturalGradient(metric: try Self.metric.get(), groups: 2)
        var last = NaturalGradient(metric: try Self.metric.get(), groups: 2)
        [[100, 0, 0, 50], [0, 70, 0, 0]].forEach { natural.observe($0) }
        for gradient in Self.gradients(320) {
            natural.observe(gradient)
            last.observe(gradient)
        }
        #expect(try natural.step([1, 1, 1, 1]) == last.step([1, 1, 1, 1]))
    }

    @Test func gradientsThatAreNotFiniteAreRefused() throws {
        var natural = NaturalGradient(metric: try Self.metric.get(), groups: 2)
        #expect(try natural.step([0, 3, 0, 0])[1] > 0, "the covariance alone before any face")
        natural.observe([.nan, 0, 0, 0])
        #expect(throws: Failure.self) { try natural.step([1, 0, 0, 0]) }
    }
}

@Suite struct LocalResponseTests {
    /// Ten faces, targets from -4.5 to 4.5, one other logit.
    private let base: [Float] = (0..<20).map { (i: Int) -> Float in i % 2 == 0 ? Float(i / 2) - 4.5 : 0 }
    private var response: LocalResponse { LocalResponse(base: base, targets: 2, target: 0, threshold: 0) }

    private func effects(_ own: Float, _ other: Float) -> [LocalResponse.Effect] {
        [1, 2, 4].map { strength in
            let change = [own, other].map { $0 * Float(strength) }
            return response.effect(base.indices.map { base[$0] + change[$0 % 2] }, strength: strength)
        }
    }

    @Test func theDependencyIsWhatTheOthersChange() {
        // Face by face 1 and 3, 2 and 2, and the means 2 and 0.
        let changes: [Float] = [9, 1, 2, 9, 3, -2]
        #expect(abs(LocalResponse.dependency(of: changes, targets: 3, target: 0) - ((2 + 2) + (2 + 0)) / 2) < 1e-6)
    }

    @Test func directionsAreComparedWhereAsManyFlip() throws {
        let baseline = effects(1, 1)
        let reference = try #require(LocalResponse.reference(baseline))
        #expect(abs(reference.successRate - 0.5) < 1e-9 && abs(reference.strength - 2.5) < 0.3, "\(reference)")
        // Twice as strong and the others no more: half of it at the same share.
        let match = LocalResponse.match(effects(2, 1), baseline: baseline, reference: reference)
        #expect(abs(match.ratio - 0.5) < 0.1 && abs(match.direction.successRate - 0.5) < 1e-6, "\(match)")
        // One that does not get there is compared where it gets to.
        let weak = LocalResponse.match(effects(0.2, 0.2), baseline: baseline, reference: reference)
        #expect(
            weak.baseline.successRate < 0.4 && abs(weak.baseline.successRate - weak.direction.successRate) < 0.01,
            "\(weak)")
    }

    @Test func sigmaGrowsUntilNoFewerFacesGetIt() {
        // Faces lack it by 0.5 to 4.5: a change of 1 gives it to one in five, of 2 to two, of 4 to four.
        let baseline = effects(1, 1)
        #expect(baseline.map(\.shares) == [[0.2], [0.4], [0.8]])
        #expect(LocalResponse.growth(effects(2, 1), baseline: baseline) == 1)
        #expect(LocalResponse.growth(baseline, baseline: baseline) == 1)
        // Seven tenths as strong: what the baseline gives at 2 it gives at 2.9. At 4 most faces have it anyway.
        let weak = [0.5, 1, 2, 3, 4, 6].map { strength in
            response.effect(
                base.indices.map { base[$0] + Float($0 % 2 == 0 ? 0.7 * strength : 0) }, strength: strength)
        }
        let growth = LocalResponse.growth(weak, baseline: baseline)
        #expect(growth > 1.2 && growth < 1.5, "\(growth)")
        // One that gives it to nobody is not made stronger.
        #expect(LocalResponse.growth(effects(0, 1), baseline: baseline) == 1)
        #expect(LocalResponse.growth(effects(0.5, 1), baseline: baseline) == LocalResponse.mostGrowth)
    }

    /// Two judges: what one sees more of does not make up for what the other sees less of.
    @Test func eachJudgeCounts() {
        let both = base + base
        let response = LocalResponse(base: both, targets: 2, target: 0, threshold: 0, judges: 2)
        func effects(_ first: Float, _ second: Float) -> [LocalResponse.Effect] {
            [0.5, 1, 2, 3, 4, 6].map { strength in
                response.effect(
                    both.indices.map { i in
                        both[i] + Float(i % 2 == 0 ? strength : 0) * (i < base.count ? first : second)
                    }, strength: strength)
            }
        }
        #expect(LocalResponse.growth(effects(2, 0.75), baseline: effects(1, 1)) > 1.2)
        #expect(LocalResponse.growth(effects(2, 1), baseline: effects(1, 1)) == 1)
    }

    @Test func whatLowersItsOwnLogitHasNoReference() {
        #expect(LocalResponse.reference(effects(-1, 1)) == nil)
    }
}

@Suite struct LatentMetricTests {
    @Test func lengthsAreThoseOfMahalanobis() throws {
        // Two components: deviations 2 and 1, correlation none.
        let metric = try LatentMetric([2, 0, -2, 0, 0, 1, 0, -1].map { $0 * Float(1.5).squareRoot() }, dimension: 2)
        #expect(abs(metric.spread([1, 0])[0] - 4) < 1e-4 && abs(metric.spread([0, 1])[1] - 1) < 1e-4)
        // The ridge adds a twentieth of the mean of 4 and 1.
        #expect(abs(metric.length([3, 0]) - 3 / 4.125.squareRoot()) < 1e-4)
        #expect(abs(metric.length([3, 4]) - (9 / 4.125 + 16 / 1.125).squareRoot()) < 1e-4)
    }

    @Test func sameLatentsAreRefused() {
        #expect(throws: Failure.self) { try LatentMetric([1, 2, 1, 2], dimension: 2) }
        #expect(throws: Failure.self) { try LatentMetric([1, 2], dimension: 2) }
        #expect(throws: Failure.self) { try LatentMetric([1, .nan, 1, 2], dimension: 2) }
    }
}
