import Core
import Foundation

/// The filter language of `directions query`, turned into SQL with parameters.
///
/// ```
/// filter     = conjunction { "or" conjunction }
/// conjunction = term { "and" term }
/// term       = "not" term | "(" filter ")" | field comparison
/// comparison = ( ">" | ">=" | "<" | "<=" | "=" | "!=" ) number
///            | "between" number "and" number | "in" "(" number { "," number } ")"
/// field      = attribute | "id" | "set" | "seed" | "index" | "psi" | "norm" | "distance" | "near" "(" id ")"
/// ```
///
/// `norm` is |w|, `distance` is |w − mean| of its set, `near(17)` the cosine between w and that of latent 17, each after
/// subtracting nothing. Words are matched without case; attributes in any usual spelling.
public struct Filter: Sendable, Equatable {
    /// A condition for a `WHERE`, over the tables `l` (latents), `t` (sample sets) and `s` (scores).
    public private(set) var sql = "1"
    /// Values of the named parameters in ``sql``.
    public private(set) var arguments: [String: Answer.Value] = [:]
    /// Attributes that were named, in order of appearance.
    public private(set) var attributes: [Attribute] = []
    /// Latents that nearness is asked to.
    public private(set) var nearLatents: [Int64] = []
    /// Fields that latents have and their scores have not, in order of appearance.
    public private(set) var latentFields: [String] = []
    /// The text that it was parsed from.
    public private(set) var text = ""
    /// Where in the text each attribute was first named.
    private var offsets: [Int] = []
    /// Other fields that were named: SQL expressions by their name in the filter.
    public private(set) var fields: [(name: String, sql: String)] = []

    public static func == (a: Filter, b: Filter) -> Bool { a.sql == b.sql && a.arguments == b.arguments }

    /// A filter that lets everything pass.
    public init() {}

    /// Parses a filter; whether its attributes are known is found out with a database at hand: ``check(among:)``.
    ///
    /// - Throws: ``Failure`` (usage) that shows where it stops making sense.
    public init(_ text: String) throws {
        var parser = FilterParser(text: text, filter: Filter())
        self = try parser.parse()
        self.text = text
    }

    /// Parses a filter that says which part of a population is meant.
    ///
    /// - Parameter among: The filter's text; nil is all of it.
    /// - Returns: The filter; nil where there is none.
    /// - Throws: ``Failure`` (usage) as ``init(_:)``, and for a filter that lets everything pass.
    public static func population(_ among: String?) throws -> Filter? {
        guard let among else { return nil }
        let filter = try Filter(among)
        guard filter != Filter() else {
            throw Failure("among", "is empty", "for example male > 0.9", kind: .usage)
        }
        return filter
    }

    /// Checks that every field which is none of ``names`` is a known attribute.
    ///
    /// - Throws: ``Failure`` (usage) that shows the first that is not, and the nearest names.
    public func check(among known: [Attribute]) throws {
        for (attribute, offset) in zip(attributes, offsets) where !known.contains(attribute) {
            let near = Attribute.nearest(to: attribute.slug, among: Filter.names + known.map(\.slug))
            let place = offset < 0 ? "" : "\n  \(text)\n  " + String(repeating: " ", count: offset) + "^"
            throw Failure(
                offset < 0 ? "order" : "filter", "`\(attribute.slug)` is not a field\(place)",
                "did you mean \(near.joined(separator: ", "))?", kind: .usage)
        }
    }

    /// The SQL expression of a field's name, noted so that a query can show it.
    ///
    /// - Parameters:
    ///   - name: The name as it was typed.
    ///   - offset: Where it stands in the filter; −1 outside of it.
    /// - Returns: nil for what can be no field's name.
    mutating func expression(_ name: String, offset: Int = -1) -> String? {
        let plain = [
            "id": "l.id", "set": "l.sample_set", "seed": "t.seed", "index": "(l.id & 4294967295)", "psi": "t.psi",
        ]
        let computed = ["norm": "norm(l.w)", "distance": "distance(l.w, t.mean_latent)"]
        let wanted = Attribute.normalised(name)
        if let sql = plain[wanted] ?? computed[wanted] {
            latentFields.append(wanted)
            if wanted != "id", !fields.contains(where: { $0.name == wanted }) { fields.append((wanted, sql)) }
            return sql
        }
        guard let attribute = try? Attribute.named(name) else { return nil }
        if !attributes.contains(attribute) {
            attributes.append(attribute)
            offsets.append(offset)
        }
        return "s.\"\(attribute.slug)\""
    }

    /// The expression of nearness to a latent.
    mutating func near(_ id: Int64) -> String {
        let sql = "cosine(l.w, (SELECT w FROM latents WHERE id = \(id)))"
        let name = "near_\(id)"
        nearLatents.append(id)
        latentFields.append("near(\(id))")
        if !fields.contains(where: { $0.name == name }) { fields.append((name, sql)) }
        return sql
    }

    mutating func parameter(_ number: Double) -> String {
        let name = "p\(arguments.count)"
        arguments[name] = .real(number)
        return ":" + name
    }

    mutating func finish(_ condition: String) { sql = condition }

    /// Names that a filter may use besides attributes, for help and suggestions.
    public static let names = ["id", "set", "seed", "index", "psi", "norm", "distance", "near"]
}

/// Recursive descent over the tokens of a filter.
private struct FilterParser {
    private struct Token {
        let text: String
        let offset: Int
        var word: String { text.lowercased() }
    }

    private let text: String
    private var tokens: [Token] = []
    private var position = 0
    private var depth = 0
    private var filter: Filter

    init(text: String, filter: Filter) {
        self.text = text
        self.filter = filter
    }

    mutating func parse() throws -> Filter {
        try tokenize()
        if tokens.isEmpty { return filter }
        let condition = try disjunction()
        if position < tokens.count {
            throw failure("`\(tokens[position].text)` is not expected here", at: tokens[position].offset)
        }
        filter.finish(condition)
        return filter
    }

    private func failure(_ problem: String, at offset: Int, _ advice: String = "") -> Failure {
        let caret = String(repeating: " ", count: offset) + "^"
        return Failure(
            "filter", "\(problem)\n  \(text)\n  \(caret)",
            advice.isEmpty ? "see the help of `directions query`" : advice,
            kind: .usage)
    }

    private mutating func tokenize() throws {
        let characters = Array(text)
        var at = 0
        while at < characters.count {
            let start = at
            let character = characters[at]
            if character.isWhitespace {
                at += 1
                continue
            }
            if character.isLetter || character.isNumber || character == "." || character == "_"
                || isSign(characters, at)
            {
                at += 1
                while at < characters.count, isPart(characters, at) { at += 1 }
            } else if "<>=!".contains(character) {
                at += 1
                if at < characters.count, characters[at] == "=" { at += 1 }
            } else if "(),".contains(character) {
                at += 1
            } else {
                throw failure("`\(character)` means nothing here", at: at)
            }
            tokens.append(Token(text: String(characters[start..<at]), offset: start))
        }
    }

    private func isSign(_ characters: [Character], _ at: Int) -> Bool {
        "+-".contains(characters[at]) && at + 1 < characters.count
            && (characters[at + 1].isNumber || characters[at + 1] == ".")
    }

    private func isPart(_ characters: [Character], _ at: Int) -> Bool {
        let character = characters[at]
        if character.isLetter || character.isNumber || character == "." || character == "_" { return true }
        // A hyphen inside a name (black-hair), or a sign in an exponent (1e-3).
        return "+-".contains(character) && at + 1 < characters.count
            && (characters[at + 1].isLetter || characters[at - 1].lowercased() == "e")
    }

    private mutating func accept(_ word: String) -> Bool {
        guard position < tokens.count, tokens[position].word == word else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ word: String) throws {
        if !accept(word) {
            throw failure("`\(word)` is missing", at: position < tokens.count ? tokens[position].offset : text.count)
        }
    }

    private mutating func next(_ what: String) throws -> Token {
        guard position < tokens.count else { throw failure("\(what) is missing", at: text.count) }
        position += 1
        return tokens[position - 1]
    }

    private mutating func disjunction() throws -> String {
        var parts = [try conjunction()]
        while accept("or") { parts.append(try conjunction()) }
        return parts.count == 1 ? parts[0] : "(" + parts.joined(separator: " OR ") + ")"
    }

    private mutating func conjunction() throws -> String {
        var parts = [try term()]
        while accept("and") { parts.append(try term()) }
        return parts.joined(separator: " AND ")
    }

    private mutating func term() throws -> String {
        depth += 1
        defer { depth -= 1 }
        guard depth < 100 else {
            throw failure("is nested too deeply", at: position < tokens.count ? tokens[position].offset : 0)
        }
        if accept("not") { return "NOT (" + (try term()) + ")" }
        if accept("(") {
            let inner = try disjunction()
            try expect(")")
            return "(" + inner + ")"
        }
        let name = try next("a field")
        let field = try field(name)
        let comparison = try next("a comparison")
        switch comparison.word {
        case ">", ">=", "<", "<=", "=", "==", "!=":
            let sign = comparison.word == "==" ? "=" : comparison.word
            return "\(field) \(sign) \(filter.parameter(try number()))"
        case "between":
            let low = filter.parameter(try number())
            try expect("and")
            return "\(field) BETWEEN \(low) AND \(filter.parameter(try number()))"
        case "in":
            try expect("(")
            var values = [filter.parameter(try number())]
            while accept(",") { values.append(filter.parameter(try number())) }
            try expect(")")
            return "\(field) IN (\(values.joined(separator: ", ")))"
        default: throw failure("`\(comparison.text)` is no comparison", at: comparison.offset)
        }
    }

    private mutating func field(_ name: Token) throws -> String {
        if name.word == "near" {
            try expect("(")
            let id = try number()
            try expect(")")
            guard let latent = Int64(exactly: id) else { throw failure("near() takes a latent's id", at: name.offset) }
            return filter.near(latent)
        }
        guard let field = filter.expression(name.text, offset: name.offset) else {
            let near = Attribute.nearest(to: Attribute.normalised(name.text), among: Filter.names).joined(
                separator: ", ")
            throw failure("`\(name.text)` is not a field", at: name.offset, "did you mean \(near)?")
        }
        return field
    }

    private mutating func number() throws -> Double {
        let token = try next("a number")
        guard let value = Double(token.text), value.isFinite else {
            throw failure("`\(token.text)` is not a number", at: token.offset)
        }
        return value
    }
}
