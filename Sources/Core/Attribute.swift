import Foundation

/// What a classifier says of a face, such as whether it smiles: a name, which a classifier brings along.
///
/// Two spellings of one name are the same attribute: `Black_Hair`, `black_hair`, `black-hair`, `black hair`. CelebA's forty
/// (``celebA``) are known by their published spelling; any other name is as good.
///
/// For example:
///
/// ```swift
/// let hat = try Attribute.named("hat")
/// let wanted = try Attribute.list("hat,age-over-40", among: classifier.attributes)
/// ```
public struct Attribute: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The name as its classifier spells it, such as `Black_Hair`: letters, digits and underscores.
    public let name: String
    /// Lower case, as files, SQL columns and the filter language spell it: `black_hair`.
    public let slug: String

    /// The longest name in characters.
    public static let longestName = 64

    /// Words that mean something else to the filter language or the database.
    private static let reserved: Set<String> = [
        "all", "and", "or", "not", "between", "in", "near", "id", "set", "seed", "index", "psi", "norm", "distance",
        "classifier", "latent", "logits",
    ]

    private init(published name: String) {
        self.name = name
        slug = name.lowercased()
    }

    private init(checking text: String) throws {
        let name = Attribute.underscored(text)
        let isName =
            1...Attribute.longestName ~= name.utf8.count
            && name.utf8.allSatisfy { $0 == UInt8(ascii: "_") || Character(Unicode.Scalar($0)).isASCIIAlphanumeric }
            && name.contains(where: \.isLetter)
        guard isName else {
            throw Failure(
                text, "is not an attribute's name",
                "use letters, digits and underscores, \(Attribute.longestName) at most, with a letter among them",
                kind: .usage)
        }
        guard !Attribute.reserved.contains(name.lowercased()) else {
            throw Failure(text, "is a word that the database keeps for itself", "name it otherwise", kind: .usage)
        }
        self.init(published: name)
    }

    public static func == (a: Attribute, b: Attribute) -> Bool { a.slug == b.slug }

    public func hash(into hasher: inout Hasher) { hasher.combine(slug) }

    public init(from decoder: any Decoder) throws {
        self = try Attribute.named(decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }

    public var description: String { name }

    /// The attribute of a name in any usual spelling: `eyeglasses`, `Black_Hair`, `black-hair`, `hat`.
    ///
    /// Whether anything scores it is found out where a classifier or a database is at hand: ``list(_:among:)``.
    ///
    /// - Throws: ``Failure`` (usage) for what can't be a name: other characters, too many, or a word of the database's.
    public static func named(_ text: String) throws -> Attribute {
        try published[normalised(text)] ?? Attribute(checking: text)
    }

    /// The attributes of a comma-separated list, in its order and without repeats; `all` means CelebA's forty.
    ///
    /// - Throws: ``Failure`` (usage) for what can't be a name, or an empty list.
    public static func list(_ text: String) throws -> [Attribute] {
        if normalised(text) == "all" { return celebA }
        var result: [Attribute] = []
        for part in text.split(separator: ",") {
            let attribute = try named(part.trimmingCharacters(in: .whitespaces))
            if !result.contains(attribute) { result.append(attribute) }
        }
        if result.isEmpty { throw Failure("attribute list", "is empty", "name at least one attribute", kind: .usage) }
        return result
    }

    /// The attributes of a comma-separated list, each of them one of `known`, and spelt as there; `all` means all of them.
    ///
    /// - Throws: ``Failure`` (usage) as ``list(_:)``, and for a name that is not known, with the nearest that are.
    public static func list(_ text: String, among known: [Attribute]) throws -> [Attribute] {
        normalised(text) == "all" ? known : try list(text).map { try $0.found(among: known) }
    }

    /// This attribute, spelt as in `known`.
    ///
    /// - Throws: ``Failure`` (usage) when it is not there, with the nearest that are.
    public func found(among known: [Attribute]) throws -> Attribute {
        if let found = known.first(where: { $0 == self }) { return found }
        throw Failure(
            slug,
            known.isEmpty
                ? "is unknown here: no attribute is known" : "is not one of the \(known.count) attributes here",
            Attribute.suggestion(for: slug, among: known), kind: .usage)
    }

    /// A question such as `did you mean smiling, bald?`, or nothing where nothing is known.
    public static func suggestion(for text: String, among known: [Attribute]) -> String {
        let near = nearest(to: normalised(text), among: known.map(\.slug))
        return near.isEmpty ? "" : "did you mean \(near.joined(separator: ", "))?"
    }

    /// Lower case, with hyphens and spaces as underscores.
    public static func normalised(_ text: String) -> String { underscored(text).lowercased() }

    private static func underscored(_ text: String) -> String {
        String(text.map { $0 == "-" || $0 == " " ? "_" : $0 })
    }

    /// The up to three candidates with the smallest edit distance to `text`, for "did you mean".
    public static func nearest(to text: String, among candidates: [String]) -> [String] {
        let target = Array(text)
        let ranked = candidates.map { ($0, editDistance(Array($0), target)) }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }
        return ranked.prefix(3).map(\.0)
    }

    private static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = next
            }
        }
        return row[b.count]
    }
}

extension Attribute {
    /// CelebA's forty (Liu et al., "Deep Learning Face Attributes in the Wild", ICCV 2015), in the order of its label file.
    public static let celebA = [
        "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips", "Big_Nose",
        "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows", "Chubby", "Double_Chin", "Eyeglasses",
        "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache",
        "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks",
        "Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat", "Wearing_Lipstick",
        "Wearing_Necklace", "Wearing_Necktie", "Young",
    ].map(Attribute.init(published:))

    private static let published = Dictionary(uniqueKeysWithValues: celebA.map { ($0.slug, $0) })

    /// The paper's eight: Bald, Black_Hair, Blond_Hair, Eyeglasses, Goatee, Male, Mustache, Smiling.
    public static let defaults = [4, 8, 9, 15, 16, 20, 22, 31].map { celebA[$0] }

    /// What is worked on where nothing is asked for: of the known attributes the paper's eight, or all where none of those is.
    public static func defaults(among known: [Attribute]) -> [Attribute] {
        let found = defaults.filter(known.contains)
        return found.isEmpty ? known : found
    }
}

extension Character {
    fileprivate var isASCIIAlphanumeric: Bool { isASCII && (isLetter || isNumber) }
}
