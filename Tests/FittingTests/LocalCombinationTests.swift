import Core
import Fitting
import Testing

@Suite struct LocalCombinationTests {
    /// Three steps on faces with two logits beside the target: the plain step moves the target by about 1 and drags the
    /// others; the second undoes half of the first drag, the third moves the target alone, and each with noise.
    private func changes(faces: Int, noise: Float) -> [[Float]] {
        let source = Fixtures.clouds(count: 3 * faces, dimension: 4, shift: 0).features
        func step(_ index: Int, _ mean: [Float]) -> [Float] {
            (0..<faces).flatMap { face in
                (0..<3).map { k in mean[k] + noise * source[((index * faces) + face) * 4 + k] }
            }
        }
        return [step(0, [1, 0.8, -0.6]), step(1, [0, -0.4, 0.3]), step(2, [0.2, 0, 0])]
    }

    @Test func findsTheCombinationThatHoldsTheOthers() throws {
        let combination = try LocalCombination(changes: changes(faces: 200, noise: 0.02), targets: 3)
        let found = try #require(try combination.fit(target: 0, plain: [true, false, false], own: Array(0..<200)))
        #expect(found.ratio < 0.2 && found.usesAll)
        // As much of the own logit as the plain step: c₀ + 0.2·c₂ = 1, while 0.8·c₀ = 0.4·c₁.
        #expect(abs(found.coefficients[0] + 0.2 * found.coefficients[2] - 1) < 0.01)
        #expect(abs(0.8 * found.coefficients[0] - 0.4 * found.coefficients[1]) < 0.05)
    }

    @Test func noiseIsNotLearnt() throws {
        // The steps that might help are noise: the plain direction is hard to beat on faces held out.
        let quiet = try LocalCombination(changes: changes(faces: 200, noise: 3), targets: 3)
        let found = try #require(try quiet.fit(target: 0, plain: [true, false, false], own: Array(0..<200)))
        #expect(found.ratio > 0.5)
    }

    @Test func aStepThatLowersItsOwnLogitHasNoCombination() throws {
        let combination = try LocalCombination(changes: changes(faces: 40, noise: 0.01), targets: 3)
        #expect(try combination.fit(target: 2, plain: [true, false, false], own: Array(0..<40)) == nil)
    }

    @Test func aCombinationIsCorrectedByWhatItIsSeenToDo() throws {
        let faces = 60
        let combination = try LocalCombination(changes: changes(faces: faces, noise: 0.02), targets: 3)
        let all = Array(0..<faces)
        // What no sum of steps promised: the first other logit falls by 0.4 on every face, the second rises by 0.3.
        let seen = (0..<faces * 3).map { [1, -0.4, 0.3][$0 % 3] as Float }
        let correction = try combination.correction(of: 0, measured: seen, own: all)
        // The second step does just that, so most of it is taken back; the own logit stays where it is.
        #expect(abs(correction[1] + 0.9) < 0.2)
        #expect(abs(combination.rise(of: correction, target: 0, own: all)) < 1e-6)
        // A change that needs none is left alone.
        let fine = try combination.correction(
            of: 0, measured: (0..<faces * 3).map { [1, 0, 0][$0 % 3] as Float }, own: all)
        #expect(fine.allSatisfy { abs($0) < 0.02 })
    }

    @Test func theCostIsWhatTheOthersChangePerOwnChange() {
        // Two faces: the others change by +1 and -1, and by +1 twice.
        let changes: [Float] = [2, 1, 1, 4, -1, 1]
        // Face by face 1; the drifts 0 and 1, so 2 times 0.5; per own change of 3, or of 4 on the second face.
        #expect(abs(LocalCombination.cost(of: changes, targets: 3, target: 0, own: [0, 1]) - 2.0 / 3) < 1e-6)
        #expect(abs(LocalCombination.cost(of: changes, targets: 3, target: 0, own: [1]) - 0.5) < 1e-6)
        #expect(LocalCombination.cost(of: [-1, 1, 1], targets: 3, target: 0, own: [0]) == .infinity)
    }

    @Test func whatDoesNotFitIsRefused() {
        #expect(throws: Failure.self) { try LocalCombination(changes: [], targets: 3) }
        #expect(throws: Failure.self) { try LocalCombination(changes: [[1, 2, 3], [1, 2]], targets: 3) }
        #expect(throws: Failure.self) { try LocalCombination(changes: [[1, .nan, 3]], targets: 3) }
        let failure = #expect(throws: Failure.self) { try LocalCombination(changes: [[1, 2, 3]], targets: 3) }
        #expect(failure?.isUsage == true)
    }
}
