import Core
import Foundation
import Weights

/// Latent codes as the tools of the field keep them, read from a file of any of their forms.
///
/// Known are `.npy` (also a pickled dictionary of names and steps, as stylegan3-editing and ReStyle write it), `.npz`
/// (NVIDIA's `projected_w.npz`), `.pt` and `.pkl` (a tensor, lists and dictionaries of them, rosinality's projector) and
/// `.safetensors`. What a file is shows in its bytes; its name's ending does not matter. Nothing in it is run.
///
/// For example:
///
/// ```swift
/// let codes = try CodeFile.read("latents.npy", key: "face.jpg", for: .init(size: 512, rows: [18]))
/// ```
public struct CodeFile: Sendable, Equatable {
    /// The space that codes of two dimensions are of, where the file can't say it.
    public enum Space: String, Sendable, CaseIterable {
        /// Each row is one face.
        case w
        /// All rows together are one face.
        case wPlus = "w+"
    }

    /// What the codes are for.
    public struct Layout: Sendable, Equatable {
        /// Components of a row.
        public var size: Int
        /// Rows that a W+ code may have: the generator's own and those of StyleGAN2 at its resolution.
        public var rows: Set<Int>

        /// - Parameters:
        ///   - size: Components of a row, 512.
        ///   - rows: Numbers of rows of W+ codes, such as 18.
        public init(size: Int, rows: Set<Int>) {
            self.size = size
            self.rows = rows
        }
    }

    /// [count, rows, size].
    public var values: [Float]
    /// Rows of each code: 1 for W.
    public var rows: Int
    /// Components of a row.
    public var size: Int
    /// What each code is called in the file; empty names where it has none.
    public var names: [String]

    /// How many codes.
    public var count: Int { names.count }

    /// The codes as generators take them.
    public func codes() throws -> LatentCodes { try LatentCodes(values, rows: rows, size: size) }

    /// The key that stands for all codes of a dictionary.
    public static let allKeys = "*"

    /// Reads the codes of a file.
    ///
    /// Arrays are [size], [n, size], [rows, size], [n, rows, size] or [n, 1, size]. One of two dimensions is n codes of W, unless
    /// the file says that it is one of W+ (it lies under a picture's name, is a step of an encoder's, or is called so), or
    /// `space` does. Where it has just as many rows as a code of W+ and nothing says what it is, it is refused.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - key: Which code, where several are inside: the name in the file, with `/` and a number for a step or a row;
    ///     ``allKeys`` for all of one dictionary.
    ///   - space: What an array of two dimensions is.
    ///   - layout: What the codes must fit.
    /// - Returns: The codes with their names.
    /// - Throws: ``Core/Failure`` naming the file: of another kind (which is named), damaged, hostile, of another
    ///   shape, not finite, several codes without a key, or a key that is not there (with those that are).
    public static func read(
        _ path: String, key: String? = nil, space: Space? = nil, for layout: Layout
    ) throws -> CodeFile {
        try decode(MappedFile(path).data, name: path, key: key, space: space, for: layout)
    }

    /// Decodes a file's bytes; `name` stands in error messages.
    ///
    /// - Throws: As ``read(_:key:space:for:)``.
    public static func decode(
        _ data: Data, name: String, key: String? = nil, space: Space? = nil, for layout: Layout
    ) throws -> CodeFile {
        let (value, stated) = try CodeFile.content(data, name: name)
        let tree = CodeTree(file: name, layout: layout)
        let found = try tree.select(value, key: key)
        let codes = try found.map { try CodeFile($0, file: name, space: space, stated: stated, layout: layout) }
        guard let first = codes.first else { throw Failure(name, "holds no codes", "check that it is the right file") }
        if let other = codes.first(where: { $0.rows != first.rows }) {
            throw Failure(
                name, "holds codes of \(first.rows) and of \(other.rows) rows", "choose one of them by its key")
        }
        let result = CodeFile(
            values: codes.flatMap(\.values), rows: first.rows, size: layout.size, names: codes.flatMap(\.names))
        try result.check(name)
        return result
    }

    private init(values: [Float], rows: Int, size: Int, names: [String]) {
        self.values = values
        self.rows = rows
        self.size = size
        self.names = names
    }

    /// The codes of one array.
    private init(
        _ leaf: CodeTree.Leaf, file: String, space: Space?, stated: Space?, layout: Layout
    ) throws {
        let subject = leaf.name.isEmpty ? file : "\(file): \(leaf.name)"
        var shape = leaf.tensor.shape
        // A leading 1 is a batch of one; [1, 18, 512] keeps it as such.
        while shape.count > 3 && shape[0] == 1 { shape.removeFirst() }
        guard (1...3).contains(shape.count), shape.last == layout.size, !shape.contains(0) else {
            throw CodeFile.shapeFailure(subject, leaf.tensor.shape, layout)
        }
        var isWPlus = shape.count == 3 && shape[1] != 1
        guard !isWPlus || space != .w else {
            throw Failure(
                subject, "has the shape \(leaf.tensor.shape), which is of W+ codes", "leave the code space w out",
                kind: .usage)
        }
        if shape.count == 2, shape[0] > 1 {
            let fits = layout.rows.contains(shape[0])
            switch space ?? leaf.space ?? stated {
            case .wPlus?:
                guard fits else {
                    throw Failure(
                        subject, "has \(shape[0]) rows, a W+ code of this generator has \(CodeFile.list(layout.rows))",
                        "choose the code space w if each row is a face")
                }
                isWPlus = true
            case .w?: break
            case nil where fits:
                throw Failure(
                    "code space of \(subject)", "does not follow from \(shape): \(shape[0]) faces in W, or one in W+",
                    "say `code space w` or `code space w+`, or save it as [1, \(shape[0]), \(layout.size)]",
                    kind: .usage)
            case nil: break
            }
        }
        rows = isWPlus ? shape[shape.count - 2] : 1
        guard rows == 1 || layout.rows.contains(rows) else {
            throw Failure(
                subject, "has codes of \(rows) rows, those of this generator have \(CodeFile.list(layout.rows))",
                "use it with the generator that it was made for")
        }
        size = layout.size
        values = try leaf.tensor.floats()
        let count = values.count / (rows * size)
        names = count == 1 ? [leaf.name] : (0..<count).map { leaf.name.isEmpty ? "\($0)" : "\(leaf.name)/\($0)" }
    }

    private func check(_ file: String) throws {
        guard values.allSatisfy(\.isFinite) else {
            throw Failure(file, "holds values that are not finite", "check where the codes come from")
        }
        guard count == 1 else { return }
        let length = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() / Double(rows).squareRoot()
        guard abs(length - 1) > 1e-3 else {
            throw Failure(
                file, "has the length 1, as directions have and codes don't",
                "import it as a direction with `directions import`, and give it as one")
        }
    }

    static func list(_ rows: Set<Int>) -> String { rows.sorted().map(String.init).joined(separator: " or ") }

    static func shapeFailure(_ subject: String, _ shape: [Int], _ layout: Layout) -> Failure {
        let rows = layout.rows.sorted().last ?? 18
        return Failure(
            subject, "has the shape \(shape)",
            "codes are [\(layout.size)], [n, \(layout.size)] or [n, \(rows), \(layout.size)]")
    }

    // MARK: Files

    /// What is in a file, and the space that it says its codes are of.
    private static func content(_ data: Data, name: String) throws -> (value: TorchValue, space: Space?) {
        let kind = FileKind(data)
        switch kind {
        case .numpyArray: return (try NumpyFile.open(data, name: name), nil)
        case .numpyArchive:
            let arrays = try NumpyFile.openArchive(data, name: name).sorted { $0.key < $1.key }
            return (.dictionary(arrays.map { .init(key: $0.key, value: $0.value) }), nil)
        case .torchSave, .pickle: return (try TorchFile.open(data, name: name), nil)
        case .safetensors:
            let file = try SafetensorsFile.decode(data, name: name)
            if let format = file.metadata["format"], format.hasPrefix("directions") { throw misplaced(format, name) }
            let tensors = file.tensors.sorted { $0.key < $1.key }
            let space = file.metadata["space"].flatMap { Space(rawValue: $0.lowercased()) }
            return (.dictionary(tensors.map { .init(key: $0.key, value: .tensor($0.value)) }), space)
        case .picture:
            throw Failure(
                name, "is \(kind.name ?? "a picture"), not latent codes",
                "codes are what an encoder makes of a picture: invert it first")
        default:
            throw Failure(
                name, "is \(kind.name ?? "no file that is known"), not latent codes",
                "give a .npy, .npz, .pt or .safetensors file")
        }
    }

    /// A file of this program's that has another purpose.
    private static func misplaced(_ format: String, _ name: String) -> Failure {
        format.contains("generator")
            ? Failure(name, "is a generator, not latent codes", "import it with `directions import \(name)`")
            : Failure(name, "is a direction, not latent codes", "give it as a direction")
    }
}
