import Foundation

/// One of CelebA's forty face attributes (Liu et al., "Deep Learning Face Attributes in the Wild", ICCV 2015).
public struct Attribute: Hashable, Sendable, Codable, CustomStringConvertible {
    /// CelebA's spelling, such as `Black_Hair`.
    public let name: String
    /// Position in CelebA's label file, 0…39.
    public let index: Int

    private init(index: Int) {
        self.index = index
        name = Attribute.names[index]
    }

    /// The forty names in the order of CelebA's `list_attr_celeba.txt`.
    public static let names = [
        "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips", "Big_Nose",
        "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows", "Chubby", "Double_Chin", "Eyeglasses",
        "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache",
        "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks",
        "Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat", "Wearing_Lipstick",
        "Wearing_Necklace", "Wearing_Necktie", "Young",
    ]

    /// All forty attributes in CelebA's order.
    public static let all = names.indices.map(Attribute.init(index:))

    /// The paper's eight: Bald, Black_Hair, Blond_Hair, Eyeglasses, Goatee, Male, Mustache, Smiling.
    public static let defaults = [4, 8, 9, 15, 16, 20, 22, 31].map(Attribute.init(index:))

    /// Lower case with underscores, as files, SQL columns and the filter language spell it: `black_hair`.
    public var slug: String { Attribute.normalised(name) }

    public var description: String { name }

    /// The attribute of a name in any usual spelling: `eyeglasses`, `Black_Hair`, `black-hair`, `black hair`.
    ///
    /// - Throws: ``Failure`` (usage) with the nearest names when there is no such attribute.
    public static func named(_ text: String) throws -> Attribute {
        let wanted = normalised(text)
        if let found = all.first(where: { $0.slug == wanted }) { return found }
        let near = nearest(to: wanted, among: all.map(\.slug))
        throw Failure(
            text, "is not one of CelebA's forty attributes", "did you mean \(near.joined(separator: ", "))?",
            kind: .usage)
    }

    /// The attributes of a comma-separated list, in its order and without repeats; `all` means all forty.
    ///
    /// - Throws: ``Failure`` (usage) for an unknown name or an empty list.
    public static func list(_ text: String) throws -> [Attribute] {
        if normalised(text) == "all" { return all }
        var result: [Attribute] = []
        for part in text.split(separator: ",") {
            let attribute = try named(part.trimmingCharacters(in: .whitespaces))
            if !result.contains(attribute) { result.append(attribute) }
        }
        if result.isEmpty { throw Failure("attribute list", "is empty", "name at least one attribute", kind: .usage) }
        return result
    }

    /// Lower case, with hyphens and spaces as underscores.
    public static func normalised(_ text: String) -> String {
        String(text.lowercased().map { $0 == "-" || $0 == " " ? "_" : $0 })
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
