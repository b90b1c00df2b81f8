import Core
import Fitting
import Testing

/// The search on faces whose logits follow a rule instead of being synthesized.
@Suite struct LocalSearchTests {
    private static let faces = 100
    private static let strengths = [0.5, 1, 2, 3, 4]

    /// What each step promises to change of the target and of two others: the plain one drags them along, the second
    /// takes half of that back, the third moves the target alone but little.
    private static let promised: [[Double]] = [[2, 1.6, -1.2], [0, -0.8, 0.6], [0.4, 0, 0]]

    /// Targets from -4 to +1, the others anywhere; faces differ by a little in what they change.
    private static let base: [Float] = (0..<faces).flatMap { face -> [Float] in
        let target: Float = -4 + 5 * Float(face) / Float(faces)
        return [target, Float(face * 37 % 100) / 25 - 2, Float(face * 61 % 100) / 25 - 2]
    }

    /// The logits of faces edited by a combination, each step doing what a rule says.
    private static func edited(_ coefficients: [Double], _ effects: [[Double]] = promised) -> [Float] {
        (0..<faces * 3).map { index in
            let (face, k) = (index / 3, index % 3)
            let own = 1 + Double(face * 13 % 7 - 3) / 30
            var change = 0.0
            for (coefficient, effect) in zip(coefficients, effects) { change += coefficient * effect[k] }
            return base[index] + Float(own * change)
        }
    }

    private static func search(_ effects: [[Double]] = promised, plain: [Double] = [0.5, 0, 0]) throws -> LocalSearch? {
        let changes = (0..<3).map { step -> [Float] in
            let alone = (0..<3).map { $0 == step ? 1.0 : 0 }
            return zip(edited(alone), base).map { $0 - $1 }
        }
        let combination = try LocalCombination(changes: changes, targets: 3, gram: [1, 0, 0, 0, 1, 0, 0, 0, 1])
        return try LocalSearch(
            combination, plain: plain,
            curve: strengths.map { strength in (strength, edited(plain.map { strength * $0 }, effects)) }, base: base,
            target: 0, cut: 0)
    }

    /// The search after some rounds on faces on which steps do what a rule says.
    private static func searched(_ effects: [[Double]], rounds: Int = 3) throws -> LocalSearch {
        var search = try #require(try search(effects))
        for round in 0...rounds {
            if round > 0 { try search.goOn() }
            let far = search.far
            for trial in search.tried {
                search.see(
                    trial, near: edited(trial.coefficients, effects),
                    far: edited(trial.coefficients.map { far * $0 }, effects))
            }
        }
        return search
    }

    private static func match(_ search: LocalSearch, _ effects: [[Double]]) throws -> LocalSearch.Match {
        let best = try #require(search.best)
        return search.match(
            [0.7, 1, search.far].map { multiple in (multiple, edited(best.coefficients.map { multiple * $0 }, effects))
            }
        )
    }

    @Test func whereFacesKeepPromisesTheOthersAreHeld() throws {
        let search = try Self.searched(Self.promised)
        let match = try Self.match(search, Self.promised)
        #expect(match.ratio < 0.3 && match.shortfall == 0)
        // As many faces have the attribute as along the plain direction.
        #expect(abs(match.combination.flipped - search.reference.flipped) < 0.01)
        #expect(abs(search.reference.flipped - 0.5) < 0.01)
    }

    @Test func aPromiseThatIsNotKeptIsSeenThrough() throws {
        // What takes the others back takes the target back as well: nothing is gained by it.
        let real: [[Double]] = [Self.promised[0], [-1, -0.8, 0.6], [0, 0, 0]]
        let search = try Self.searched(real)
        let match = try Self.match(search, real)
        #expect(match.shortfall < 0.01 && match.ratio < 1.01)
    }

    @Test func whatNeverFlipsHalfIsNotTheBest() throws {
        // The third step promises much, drags nothing along, and stops after a little.
        let promised: [[Double]] = [Self.promised[0], Self.promised[1], [1.5, 0, 0]]
        func edited(_ coefficients: [Double]) -> [Float] {
            Self.edited([coefficients[0], coefficients[1], min(coefficients[2], 0.3)], promised)
        }
        let base = Self.edited([0, 0, 0])
        let changes = (0..<3).map { step -> [Float] in
            zip(Self.edited((0..<3).map { $0 == step ? 1 : 0 }, promised), base).map { $0 - $1 }
        }
        let combination = try LocalCombination(changes: changes, targets: 3, gram: [1, 0, 0, 0, 1, 0, 0, 0, 1])
        let curve = Self.strengths.map { ($0, edited([0.5 * $0, 0, 0])) }
        var search = try #require(
            try LocalSearch(combination, plain: [0.5, 0, 0], curve: curve, base: base, target: 0, cut: 0))
        let far = search.far
        for trial in search.tried {
            search.see(trial, near: edited(trial.coefficients), far: edited(trial.coefficients.map { far * $0 }))
        }
        let best = try #require(search.best).coefficients
        let match = search.match([0.7, 1, far].map { multiple in (multiple, edited(best.map { multiple * $0 })) })
        #expect(match.shortfall < 0.05)
    }

    @Test func moreRoundsAreNeverWorse() throws {
        // The second step gives half of what it promises and costs some of the target.
        let real: [[Double]] = [Self.promised[0], [-0.2, -0.4, 0.3], Self.promised[2]]
        let ratios = try [0, 2, 4].map { rounds in try Self.match(Self.searched(real, rounds: rounds), real).ratio }
        #expect(ratios[0] <= 1.01 && ratios[1] <= ratios[0] + 0.02 && ratios[2] <= ratios[1] + 0.02)
        #expect(ratios[2] < 0.7)
    }

    @Test func thePlainDirectionIsLikeItself() throws {
        let search = try #require(try Self.search())
        let plain = search.tried[0]
        #expect(plain.penalty == 0 && search.tried.count > 1)
        let match = search.match(
            [1.0, 2].map { multiple in (multiple, Self.edited(plain.coefficients.map { multiple * $0 })) })
        #expect(abs(match.ratio - 1) < 0.02 && abs(match.combination.strength - 1) < 0.02)
    }

    @Test func aDirectionThatLowersItsOwnLogitIsNone() throws {
        #expect(try Self.search(plain: [-0.5, 0, 0]) == nil)
    }
}
