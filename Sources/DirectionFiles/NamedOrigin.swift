import Core
import Foundation

/// What the name of another tool's file says of where its direction comes from.
///
/// InterFaceGAN calls its boundaries `stylegan_ffhq_age_w_boundary.npy` (W of the first StyleGAN) and
/// `pggan_celebahq_smile_boundary.npy` (Z, where there is no `w`); others follow it more or less. For example:
///
/// ```swift
/// let origin = NamedOrigin("stylegan_celebahq_gender_boundary.npy")
/// origin.description  // StyleGAN 1, CelebA-HQ, space z
/// ```
public struct NamedOrigin: Sendable, Equatable, CustomStringConvertible {
    /// A family of generators with a latent space of its own kind.
    public enum Model: String, Sendable {
        case pggan = "PGGAN"
        case styleGAN1 = "StyleGAN 1"
        case styleGAN2 = "StyleGAN2"
        case styleGAN3 = "StyleGAN3"
    }

    /// Pictures that a generator learnt from.
    public enum DataSet: String, Sendable {
        case ffhq = "FFHQ"
        case celebAHQ = "CelebA-HQ"
        case other = "other pictures than faces"
    }

    /// The generator's family, where the name tells.
    public private(set) var model: Model?
    /// What that generator learnt from, where the name tells.
    public private(set) var dataSet: DataSet?
    /// The latent space, where the name tells.
    public private(set) var space: DirectionMetadata.Space?
    /// The attribute that the name tells, as classifiers of CelebA's attributes spell it, and whether a direction to more of
    /// what the name says has less of it, as `age` of `young`.
    public private(set) var attribute: (slug: String, isLowered: Bool)?

    /// - Parameter file: A file's name or path; of a path the last component counts.
    public init(_ file: String) {
        let stem = ((file as NSString).lastPathComponent as NSString).deletingPathExtension.lowercased()
        let words = stem.replacing("w+", with: "wp").split(whereSeparator: { !$0.isLetter && !$0.isNumber })
            .map(String.init)
        model = words.lazy.compactMap { NamedOrigin.models[$0] }.first
        dataSet = words.lazy.compactMap { NamedOrigin.dataSets[$0] }.first
        if dataSet == nil, zip(words, words.dropFirst()).contains(where: { $0 == ("celeba", "hq") }) {
            dataSet = .celebAHQ
        }
        space = words.lazy.compactMap { NamedOrigin.spaces[$0] }.first
        // InterFaceGAN's rule: a boundary that is not said to be of W is of Z, and PGGAN has no other.
        let isInterFaceGAN = words.last == "boundary" && (model == .styleGAN1 || model == .pggan)
        if model == .pggan || space == nil && isInterFaceGAN { space = .z }
        attribute = NamedOrigin.attribute(words)
    }

    public static func == (a: NamedOrigin, b: NamedOrigin) -> Bool {
        (a.model, a.dataSet, a.space) == (b.model, b.dataSet, b.space)
            && a.attribute?.slug == b.attribute?.slug && a.attribute?.isLowered == b.attribute?.isLowered
    }

    /// What the name tells, such as `StyleGAN 1, FFHQ, space w`; empty where it tells nothing.
    public var description: String {
        [model?.rawValue, dataSet?.rawValue, space.map { "space \($0.rawValue)" }].compactMap { $0 }
            .joined(separator: ", ")
    }

    /// What a person should know before using such a direction.
    ///
    /// - Parameters:
    ///   - file: What the file is called in the text.
    ///   - rows: The rows that its direction has.
    ///   - generator: The generator that it is to be used with, for people.
    ///   - source: The name of the file that the generator was made from.
    /// - Returns: One line; nil where nothing speaks against it.
    public func warning(file: String, rows: Int, generator: String, source: String) -> String? {
        var parts: [String] = []
        if let model, model == .pggan || model == .styleGAN1 || model == .styleGAN3 {
            parts.append("a direction of \(model.rawValue), whose latent space is not StyleGAN2's")
        }
        if space == .z {
            parts.append("a direction of Z, before the mapping network, where generator \(generator) is edited in W")
        } else if space == .w && rows > 1 {
            parts.append("a direction of W, but holds \(rows) rows that differ, which is W+")
        } else if space == .wPlus && rows == 1 {
            parts.append("a direction of W+, but holds one row, which will go to all layers alike")
        }
        if let dataSet, let own = NamedOrigin(source).dataSet ?? NamedOrigin(generator).dataSet, own != dataSet {
            parts.append("of a generator of \(dataSet.rawValue), where \(generator) learnt from \(own.rawValue)")
        }
        if parts.isEmpty { return nil }
        return
            "\(file): by its name \(parts.joined(separator: ", and ")): it may well do nothing here, or something else; "
            + "look at its faces, or fit one of this generator"
    }

    private static let models: [String: Model] = [
        "pggan": .pggan, "progan": .pggan, "pgan": .pggan, "stylegan": .styleGAN1, "stylegan1": .styleGAN1,
        "sg1": .styleGAN1, "stylegan2": .styleGAN2, "sg2": .styleGAN2, "sg2ada": .styleGAN2, "stylegan3": .styleGAN3,
        "sg3": .styleGAN3,
    ]

    private static let dataSets: [String: DataSet] = {
        var result: [String: DataSet] = [
            "ffhq": .ffhq, "ffhq256": .ffhq, "ffhq512": .ffhq, "ffhq1024": .ffhq, "celebahq": .celebAHQ,
            "celebahq256": .celebAHQ, "celebahq1024": .celebAHQ,
                // The default generator, distilled from StyleGAN2-FFHQ, comes in this wheel.
        ]
        for name in [
            "afhq", "afhqv2", "afhqcat", "afhqdog", "bedroom", "car", "cars", "cat", "cats", "church", "churches",
            "horse", "lsun", "metfaces", "anime",
        ] {
            result[name] = .other
        }
        return result
    }()

    private static let spaces: [String: DirectionMetadata.Space] = [
        "z": .z, "w": .w, "wp": .wPlus, "wplus": .wPlus,
    ]

    /// Other tools' words for CelebA's attributes.
    private static let others: [String: (slug: String, isLowered: Bool)] = [
        "smile": ("smiling", false), "gender": ("male", false), "age": ("young", true),
        "glasses": ("eyeglasses", false),
        "beard": ("no_beard", true), "hat": ("wearing_hat", false), "lipstick": ("wearing_lipstick", false),
        "makeup": ("heavy_makeup", false),
    ]

    private static func attribute(_ words: [String]) -> (slug: String, isLowered: Bool)? {
        // InterFaceGAN names what was projected out after a c.
        let own = Array(words.prefix { $0 != "c" })
        let known = Set(Attribute.celebA.map(\.slug))
        for length in stride(from: min(4, own.count), through: 1, by: -1) {
            for start in 0...(own.count - length) {
                let name = own[start..<start + length].joined(separator: "_")
                if known.contains(name) { return (name, false) }
            }
        }
        return own.lazy.compactMap { others[$0] }.first
    }
}
