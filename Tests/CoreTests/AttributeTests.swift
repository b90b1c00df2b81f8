import Testing

import Core

@Suite struct AttributeTests {
    @Test(arguments: ["eyeglasses", "Eyeglasses", "EYEGLASSES"]) func caseDoesNotMatter(text: String) throws {
        #expect(try Attribute.named(text).index == 15)
    }

    @Test(arguments: ["black-hair", "Black_Hair", "black hair"]) func separatorsDoNotMatter(text: String) throws {
        #expect(try Attribute.named(text).name == "Black_Hair")
    }

    @Test func aMisspeltNameIsToldItsNeighbours() {
        #expect {
            try Attribute.named("eyeglases")
        } throws: { error in
            guard let failure = error as? Failure else { return false }
            return failure.kind == .usage && failure.advice.contains("eyeglasses")
        }
    }

    @Test func theDefaultsAreThePapersEight() {
        #expect(
            Attribute.defaults.map(\.name) == [
                "Bald", "Black_Hair", "Blond_Hair", "Eyeglasses", "Goatee", "Male", "Mustache", "Smiling",
            ])
    }

    @Test func listsKeepTheirOrderAndDropRepeats() throws {
        #expect(try Attribute.list("male, bald,male").map(\.slug) == ["male", "bald"])
        #expect(try Attribute.list("all").count == 40)
        #expect(throws: Failure.self) { try Attribute.list(" ") }
    }
}
