import Core
import Evaluation
import Foundation
import Testing

@Suite struct MetricsTests {
    private let calculator = MetricsCalculator(attributes: ["Smiling", "Male", "Young"], thresholds: [0, 0, 0])
    private let base: [Float] = [-1, 2, 3, -2, 2, 3, -3, 2, 3, 1, 2, 3]

    /// Every face's logits moved by the same amounts.
    private func moved(_ change: [Float]) -> [Float] { base.indices.map { base[$0] + change[$0 % 3] } }

    @Test func changesAndSuccessesAreCounted() throws {
        let measured = DirectionEvaluator.Measured(
            label: "smiling@v1", strengths: [1, 2], logits: [moved([1.5, -1, 0]), moved([3.5, -2, 1])], base: base)
        let metrics = try calculator.metrics(measured, attribute: "Smiling")
        #expect(metrics.faces == 4)
        #expect(metrics.levels[0].target == Interval(value: 1.5, low: 1.5, high: 1.5))
        #expect(metrics.levels[1].offTargetChange.value == 1.5)
        // Of the three faces that do not smile one smiles at 1 and all at 2.
        #expect(abs((metrics.levels[0].successRate?.value ?? 0) - 1.0 / 3) < 1e-12)
        #expect(metrics.levels[1].successRate?.value == 1)
        // From one third at 1 to all at 2: half at 1.25.
        #expect(abs((metrics.halfStrength ?? 0) - 1.25) < 1e-12)
        #expect(abs((metrics.offTargetChangeAtHalf?.value ?? 0) - (0.75 * 0.5 + 0.25 * 1.5)) < 1e-12)
        #expect(abs((metrics.attributeChanges["Male"] ?? 0) + 1.25) < 1e-6)
        // The own logit rises by 1.5 at 1 and 3.5 at 2: by 2 a quarter of the way.
        #expect(abs((metrics.offTargetChange(atResponse: 2)?.value ?? 0) - (0.75 * 0.5 + 0.25 * 1.5)) < 1e-12)
        #expect(metrics.offTargetChange(atResponse: 4) == nil)
        // All faces move alike: what each does is what all do.
        #expect(metrics.levels.map(\.meanShift) == metrics.levels.map(\.offTargetChange))
        #expect(metrics.meanShiftAtHalf == metrics.offTargetChangeAtHalf)
        #expect(metrics.meanShift(atResponse: 2) == metrics.offTargetChange(atResponse: 2))
    }

    @Test func whatFacesDoAgainstEachOtherIsNoMeanShift() throws {
        // Male rises by 2 on two faces and falls by 1 on the other two; Young rises by 1 on all.
        let changes: [[Float]] = [[1, 2, 1], [1, 2, 1], [1, -1, 1], [1, -1, 1]]
        let logits = base.indices.map { base[$0] + changes[$0 / 3][$0 % 3] }
        let measured = DirectionEvaluator.Measured(label: "x", strengths: [1], logits: [logits], base: base)
        let level = try calculator.metrics(measured, attribute: "Smiling").levels[0]
        #expect(level.offTargetChange.value == (1.5 + 1) / 2 && level.meanShift?.value == (0.5 + 1) / 2)
    }

    @Test func noEditIsNoChangeAndASignChangesTheSign() throws {
        let still = DirectionEvaluator.Measured(label: "x", strengths: [1], logits: [base], base: base)
        let none = try calculator.metrics(still, attribute: "Smiling")
        #expect(
            none.levels[0].target.value == 0 && none.levels[0].offTargetChange.value == 0 && none.halfStrength == nil)
        let there = DirectionEvaluator.Measured(label: "x", strengths: [1], logits: [moved([2, 1, 0])], base: base)
        let back = DirectionEvaluator.Measured(label: "x", strengths: [1], logits: [moved([-2, -1, 0])], base: base)
        let (a, b) = (
            try calculator.metrics(there, attribute: "Smiling"), try calculator.metrics(back, attribute: "Smiling")
        )
        #expect(a.levels[0].target.value == -b.levels[0].target.value)
    }

    @Test func aDirectionMayBeOneThatLowersItsAttribute() throws {
        // One of age, judged by Young: half of the faces cease to be young between 3 and 4.
        let measured = DirectionEvaluator.Measured(
            label: "age@v1", strengths: [2, 4], logits: [moved([0, 0, -2]), moved([1, 0, -4])], base: base)
        let metrics = try calculator.metrics(measured, attribute: "Young", lowers: true)
        #expect(metrics.attribute == "-Young")
        #expect(metrics.levels.map(\.target.value) == [2, 4])
        #expect(metrics.levels[0].successRate?.value == 0 && metrics.levels[1].successRate?.value == 1)
        #expect(metrics.halfStrength == 3 && metrics.attributeChanges["Young"] == -3)
    }

    @Test func intervalsCoverTheirFigures() throws {
        let uneven = base.indices.map { base[$0] + Float($0) * 0.3 }
        let measured = DirectionEvaluator.Measured(label: "x", strengths: [1], logits: [uneven], base: base)
        let level = try calculator.metrics(measured, attribute: "Male").levels[0]
        #expect(level.target.low < level.target.value && level.target.value < level.target.high)
    }

    @Test func anUnknownAttributeIsNamed() {
        let measured = DirectionEvaluator.Measured(label: "grin@v1", strengths: [1], logits: [base], base: base)
        #expect { try calculator.metrics(measured, attribute: "Grin") } throws: { "\($0)".contains("grin@v1") }
    }

    @Test func filesWithFormerKeysAreRead() throws {
        let former = """
            {"attribute": "Smiling", "direction": "smiling@v1", "faces": 4, "halfStrength": 1.5,
             "othersAtHalf": {"value": 1, "low": 0.5, "high": 2}, "driftAtHalf": {"value": 3, "low": 2, "high": 4},
             "identityAtHalf": {"value": 0.9, "low": 0.8, "high": 1}, "row": {"Male": -1.25},
             "levels": [{"strength": 1, "target": {"value": 5, "low": 4, "high": 6},
               "others": {"value": 0.1, "low": 0, "high": 1}, "drift": {"value": 0.2, "low": 0, "high": 1},
               "flipped": {"value": 0.3, "low": 0, "high": 1}, "identity": {"value": 0.4, "low": 0, "high": 1},
               "samePerson": {"value": 0.5, "low": 0, "high": 1}, "plausible": {"value": 0.6, "low": 0, "high": 1}}]}
            """
        let metrics = try JSONDecoder().decode(DirectionMetrics.self, from: Data(former.utf8))
        #expect(metrics.offTargetChangeAtHalf == Interval(value: 1, low: 0.5, high: 2))
        #expect(metrics.meanShiftAtHalf?.value == 3 && metrics.faceSimilarityAtHalf?.value == 0.9)
        #expect(metrics.attributeChanges == ["Male": -1.25])
        let level = try #require(metrics.levels.first)
        let values = [
            level.offTargetChange, level.meanShift, level.successRate, level.faceSimilarity, level.faceMatchRate,
        ]
        #expect(values.map { $0?.value } == [0.1, 0.2, 0.3, 0.4, 0.5] && level.plausible?.value == 0.6)
        // Written and read again it is the same, under the present keys.
        let written = try JSONEncoder().encode(metrics)
        let text = String(decoding: written, as: UTF8.self)
        for key in [
            "offTargetChange", "meanShift", "successRate", "faceSimilarity", "faceMatchRate", "attributeChanges",
        ] {
            #expect(text.contains("\"\(key)"))
        }
        for key in ["others", "drift", "flipped", "identity", "samePerson", "row"] {
            #expect(!text.contains("\"\(key)\""))
        }
        let again = try JSONDecoder().decode(DirectionMetrics.self, from: written)
        #expect(again.levels.first?.meanShift == level.meanShift && again.attributeChanges == metrics.attributeChanges)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(
                DirectionMetrics.self, from: Data(former.replacing("\"others\"", with: "\"neighbours\"").utf8))
        }
    }
}
