import Core
import Testing

@Suite struct NumbersTests {
    @Test(
        arguments: [
            ("0,1,2.5", [0, 1, 2.5]), ("-3:3:0.5", [-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3]),
            ("0:3", [0, 1, 2, 3]), ("2:-2:-2", [2, 0, -2]), ("0:1:0.4", [0, 0.4, 0.8]), ("1:1", [1]),
            ("-0.3:0.3:0.1", [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]), ("5,0:1,-1", [5, 0, 1, -1]),
        ] as [(String, [Float])])
    func rangesAreNumbers(text: String, expected: [Float]) throws {
        let found = try Numbers.reals(text, subject: "strengths")
        #expect(found.count == expected.count)
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-6 && ($1 != 0 || $0 == 0) }, "\(found)")
    }

    @Test(arguments: ["", "0:", ":1", "0:1:0", "0:1:-1", "1:0", "0:1:1:1", "0:nan", "0:1e9:1e-3", "0:inf", "a:b"])
    func otherTextsAreRefused(text: String) {
        #expect(throws: Failure.self) { try Numbers.reals(text, subject: "strengths") }
    }
}
