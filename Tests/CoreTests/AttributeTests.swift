import Core
import Foundation
import Testing

@Suite struct AttributeTests {
    @Test(arguments: ["eyeglasses", "Eyeglasses", "EYEGLASSES"]) func caseDoesNotMatter(text: String) throws {
        #expect(try Attribute.named(text) == Attribute.celebA[15])
        #expect(try Attribute.named(text).name == "Eyeglasses")
    }

    @Test(arguments: ["black-hair", "Black_Hair", "black hair"]) func separatorsDoNotMatter(text: String) throws {
        #expect(try Attribute.named(text).name == "Black_Hair")
    }

    @Test func anyNameIsAnAttribute() throws {
        let age = try Attribute.named("Age-Over 40")
        #expect(age.name == "Age_Over_40" && age.slug == "age_over_40")
        #expect(try age == .named("age_over_40") && age.hashValue == Attribute.named("AGE_OVER_40").hashValue)
        let coded = try JSONEncoder().encode([age, Attribute.celebA[0]])
        #expect(String(decoding: coded, as: UTF8.self) == #"["Age_Over_40","5_o_Clock_Shadow"]"#)
        #expect(try JSONDecoder().decode([Attribute].self, from: coded) == [age, Attribute.celebA[0]])
    }

    @Test(arguments: [
        "", "  ", "a.b", "../x", "a\"b", "hüt", "x;y", "40", "_", "all", "Latent", "logits", "near", "a/b", "a\0",
        String(repeating: "x", count: 65),
    ])
    func whatIsUnsafeAsAColumnOrAFileIsRefused(text: String) {
        #expect { try Attribute.named(text) } throws: { ($0 as? Failure)?.kind == .usage }
    }

    @Test func aMisspeltNameIsToldItsNeighboursAmongWhatIsThere() throws {
        let known = try ["hat", "age_over_40"].map { try Attribute.named($0) }
        let failure = #expect(throws: Failure.self) { try Attribute.list("hta", among: known) }
        #expect(failure?.kind == .usage && failure?.advice.contains("hat") == true)
        #expect(throws: Failure.self) { try Attribute.list("smiling", among: known) }
        #expect(try Attribute.list("all", among: known) == known)
        #expect(try Attribute.list("Age-over-40,HAT", among: known).map(\.name) == ["age_over_40", "hat"])
        #expect(Attribute.defaults(among: known) == known)
        #expect(Attribute.defaults(among: Attribute.celebA) == Attribute.defaults)
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
