import Classifiers
import Core
import DirectionFiles
import Editing
import Faces
import Foundation
import Generators
import Images
import LatentStore
import Latents
import Scoring
import Synchronization
import Weights

/// One direction of a live edit, with its own unit.
public struct LiveStep: Sendable, Equatable {
    /// `smiling` or `smiling@v2`, a direction of the workspace; never a path.
    public var direction: String
    /// How far.
    public var strength: Float
    /// What a strength of 1 means.
    public var unit: StrengthUnit

    /// A direction, how far, and in which unit.
    public init(_ direction: String, strength: Float, unit: StrengthUnit = .sigma) {
        self.direction = direction
        self.strength = strength
        self.unit = unit
    }
}

/// The scores of an attribute before and after an edit.
public struct LiveScore: Sendable, Encodable {
    /// The attribute's slug.
    public let attribute: String
    /// Calibrated probability of the unedited face.
    public let before: Float
    /// The same of the edited face.
    public let after: Float
}

/// A generator kept ready, so that a face follows a slider; what it makes is what ``Session/edit(_:)`` makes, bit for bit.
public final class LiveFaces: Sendable {
    /// The workspace.
    public let session: Session
    /// The generator.
    public let generator: Generator
    /// Image sizes on offer, largest first.
    public var sizes: [Int] { synthesizer.sizes }
    /// The generator's name in the workspace.
    let name: String
    private let synthesizer: any Synthesizer
    /// One face at a time: a request that waits here can still be given up.
    private let turn = Mutex(())
    private let classifier = Mutex<AttributeClassifier?>(nil)
    private let embedder = Mutex<FaceEmbedder?>(nil)
    private let files = Mutex<[String: DirectionFile]>([:])

    /// Loads the generator and makes its synthesizer.
    ///
    /// - Throws: ``Core/Failure``: there is none of that name (not found), or its files are damaged.
    public init(_ session: Session, generator name: String = "default", threads: Int = 0) throws {
        self.session = session
        self.name = name
        generator = try session.generator(name)
        synthesizer = try generator.synthesizer(.engine, threads: threads)
    }

    /// The direction of a reference, of the workspace or of those that come with the program; a path is refused.
    ///
    /// - Throws: ``Core/Failure`` (not found): no such direction or version.
    public func direction(_ reference: String) throws -> DirectionFile {
        let parts = reference.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let digits = parts.count == 2 ? parts[1].drop { $0 == "v" } : ""
        let versions = session.directionVersionsWithShipped().first { $0.attribute == parts[0] }?.versions ?? []
        guard let version = parts.count == 1 ? versions.last : Int(digits), versions.contains(version) else {
            throw Failure(
                "direction \(reference.prefix(80))", "is not in the workspace", "see the list of directions",
                kind: .notFound)
        }
        let label = "\(parts[0])@v\(version)"
        if let file = files.withLock({ $0[label] }) { return file }
        let file = try session.library.load(label)
        try file.requireGenerator(sha256: generator.identity.sha256, name: generator.identity.name)
        files.withLock { $0[label] = file }
        return file
    }

    /// The codes of one face before and after an edit.
    ///
    /// - Parameters:
    ///   - source: One face.
    ///   - steps: What is added to it.
    ///   - layers: The rows to change; nil for all.
    ///   - locked: Directions along which the code is not to move: the edit's part along them is taken out.
    ///   - towardMean: What is left of the code's distance from the mean of W.
    /// - Returns: W or W+ codes of one face.
    /// - Throws: ``Core/Failure`` naming what there is not, or what does not fit.
    public func codes(
        _ source: FaceSource, steps: [LiveStep], layers: LayerSelection? = nil, locked: [String] = [],
        towardMean: Float = 1
    ) throws -> (before: LatentCodes, after: LatentCodes) {
        try Session.checkTowardMean(towardMean)
        // Nobody reads the same notice at each move of a slider.
        let silent = Session(workspace: session.workspace)
        let before = try silent.codes(source, of: generator, named: name, towardMean: towardMean).codes
        guard before.count == 1 else { throw Failure("faces", "are \(before.count)", "name one", kind: .usage) }
        let layerCount = before.rows == 1 ? generator.identity.styleGAN2Layers : before.rows
        let edit = LatentEdit(
            try steps.filter { $0.strength != 0 }.map(raw), layers: try layers?.range(rows: layerCount))
        let (values, rows) = try edit.apply(
            to: before.values, rows: before.rows, size: before.size, layerCount: layerCount)
        let after = try LatentCodes(values, rows: rows, size: before.size)
        return (before, try locked.isEmpty ? after : kept(after, from: before, off: locked))
    }

    /// An edited code without what the edit moved it along some directions, row by row.
    private func kept(_ after: LatentCodes, from before: LatentCodes, off locked: [String]) throws -> LatentCodes {
        let size = after.size
        let old =
            before.rows == after.rows
            ? before.values : LatentEdit.repeatRows(before.values, size: size, rows: after.rows)
        let change = try freed(zip(after.values, old).map { $0 - $1 }, rows: after.rows, of: locked)
        return try LatentCodes(zip(old, change).map { $0 + $1 }, rows: after.rows, size: size)
    }

    /// A change of a code without its part along some directions, row by row.
    private func freed(_ change: [Float], rows: Int, of locked: [String]) throws -> [Float] {
        let files = try locked.map { try direction($0) }
        let size = change.count / rows
        return (0..<rows).flatMap { row in
            var axes: [[Float]] = []
            for file in files {
                let from = file.rows == 1 ? 0 : min(row, file.rows - 1)
                var axis = Array(file.values[from * size..<(from + 1) * size])
                for other in axes { axis = axis.without(other) }
                let length = axis.reduce(0) { $0 + $1 * $1 }.squareRoot()
                // Two names of one direction.
                if length > 1e-3 { axes.append(axis.map { $0 / length }) }
            }
            return axes.reduce(Array(change[row * size..<(row + 1) * size])) { $0.without($1) }
        }
    }

    private func raw(_ step: LiveStep) throws -> LatentEdit.Step {
        let direction = EditDirection(try self.direction(step.direction))
        return LatentEdit.Step(
            direction, strength: step.unit == .sigma ? step.strength * direction.sigma : step.strength)
    }

    /// The noise-free face of one code.
    ///
    /// - Parameters:
    ///   - codes: One code.
    ///   - size: Pixels along a side, one of ``sizes``.
    ///   - isAbandoned: Asked when the face's turn has come; true when nobody waits for it any more.
    /// - Returns: The picture.
    /// - Throws: ``Core/Failure``: a size or code that does not fit, or (cancelled) nobody waits.
    public func picture(_ codes: LatentCodes, size: Int, isAbandoned: () -> Bool = { false }) throws -> Image {
        let batch = try turn.withLock { _ in
            if isAbandoned() || session.context.isCancelled {
                throw Failure("face", "is not waited for any more", kind: .cancelled)
            }
            return try synthesizer.synthesize(codes, size: size, noise: .none)
        }
        return batch.images[0]
    }

    /// The classifier that comes with the program, loaded once.
    func judge() throws -> AttributeClassifier {
        try classifier.withLock { kept in
            let found = try kept ?? session.classifier(nil)
            kept = found
            return found
        }
    }

    /// A film from one code to another and back, as a WebP file's bytes.
    ///
    /// - Parameters:
    ///   - before: One code.
    ///   - after: The other.
    ///   - size: Pixels along a side, one of ``sizes``.
    ///   - picture: Makes the picture of a code, size × size.
    /// - Returns: The file: 24 pictures, a second and a half.
    /// - Throws: ``Core/Failure``: a size that is not on offer (usage), a stop, or as `picture` throws.
    public func film(
        from before: LatentCodes, to after: LatentCodes, size: Int, picture: (LatentCodes) throws -> Image
    ) throws -> Data {
        guard sizes.contains(size) else {
            throw Failure("size \(size)", "is not on offer", "give one of \(sizes)", kind: .usage)
        }
        let rows = max(before.rows, after.rows)
        func full(_ codes: LatentCodes) -> [Float] {
            codes.rows == rows ? codes.values : LatentEdit.repeatRows(codes.values, size: codes.size, rows: rows)
        }
        let (first, last) = (full(before), full(after))
        let path = NSTemporaryDirectory() + "/directions-\(UUID().uuidString).webp"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let there = try (0...12).map { step in
            let share = (1 - cos(Float.pi * Float(step) / 12)) / 2
            let code = zip(first, last).map { $0 + share * ($1 - $0) }
            return try picture(LatentCodes(code, rows: rows, size: before.size))
        }
        let film = try Film(path: path, framesPerSecond: 16)
        for image in there + there.dropFirst().dropLast().reversed() {
            try session.context.check()
            try film.add(image)
        }
        try film.finish()
        return try AtomicFile.read(path)
    }

    /// What the classifier that comes with the program says before and after an edit.
    ///
    /// - Throws: ``Core/Failure`` when the classifier is missing, or a code does not fit.
    public func scores(before: LatentCodes, after: LatentCodes) throws -> [LiveScore] {
        let network = try judge()
        let probabilities = try [before, after].map {
            network.probabilities(
                try LatentScorer.logits(
                    of: $0, synthesizer: synthesizer, classifier: network, context: session.context.quiet))
        }
        return network.attributes.enumerated().map {
            LiveScore(attribute: $1.slug, before: probabilities[0][$0], after: probabilities[1][$0])
        }
    }

    /// How much two codes' faces are one person's: the cosine of their embeddings.
    ///
    /// - Parameters:
    ///   - before: One code.
    ///   - after: The other.
    /// - Returns: -1 to 1; nil where the workspace has no face-recognition network.
    /// - Throws: ``Core/Failure`` when the network is damaged, or a code does not fit.
    public func similarity(before: LatentCodes, after: LatentCodes) throws -> Float? {
        let network = try embedder.withLock { kept in
            if kept == nil { kept = try session.embedder() }
            return kept
        }
        guard let network else { return nil }
        let size = sizes.smallest(covering: FaceEmbedder.faceSize)
        let both = try network.embeddings(pictures: [before, after].map { try picture($0, size: size) })
        let (first, second) = (both.prefix(FaceEmbedder.size), both.suffix(FaceEmbedder.size))
        func product(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Float {
            zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
        }
        return product(first, second) / (product(first, first) * product(second, second)).squareRoot()
    }

    /// The attributes that the database can be asked for, by their slugs.
    ///
    /// - Throws: ``Core/Failure``: no database (not found).
    public func attributes() throws -> [String] { try session.readOnlyStore().attributes().map(\.slug) }

    /// A code as a .npy file's bytes: [1, 512] of W, or [1, 18, 512] of W+ in StyleGAN2's rows.
    ///
    /// - Parameters:
    ///   - codes: One code.
    ///   - isW: Whether W is wanted; a code whose rows differ has none.
    /// - Returns: The file's bytes.
    /// - Throws: ``Core/Failure`` (usage) when W is wanted of a code whose rows differ.
    public func file(of codes: LatentCodes, isW: Bool) throws -> Data {
        let size = codes.size
        if isW {
            let first = Array(codes.values.prefix(size))
            guard (1..<codes.rows).allSatisfy({ first.elementsEqual(codes.values[$0 * size..<($0 + 1) * size]) }) else {
                throw Failure("code", "has rows that differ, so it is none of W", "ask for W+", kind: .usage)
            }
            return try NumpyFile.encode(TensorData(first, shape: [1, size]))
        }
        let rows = codes.rows == 1 ? generator.identity.styleGAN2Layers : codes.rows
        let values = codes.rows == 1 ? LatentEdit.repeatRows(codes.values, size: size, rows: rows) : codes.values
        return try NumpyFile.encode(TensorData(values, shape: [1, rows, size]))
    }

    /// Stores a mix of directions as the next version of a direction of its own; one sigma of it is the whole mix.
    ///
    /// - Parameters:
    ///   - steps: The mix.
    ///   - layers: The rows that it changes; nil for all.
    ///   - locked: Directions along which it is not to move: the mix's part along them is taken out.
    ///   - attribute: What the new direction is called.
    /// - Returns: The direction as stored.
    /// - Throws: ``Core/Failure``: a name that can't be (usage), or a mix that changes nothing (usage).
    public func store(
        mix steps: [LiveStep], layers: LayerSelection?, locked: [String] = [], as attribute: String
    ) throws -> DirectionFile {
        // As the library looks names up: with underscores.
        let attribute = Attribute.normalised(attribute)
        try DirectionFile.checkName(attribute)
        let identity = generator.identity
        let parts = try steps.filter { $0.strength != 0 }.map(raw)
        let layerCount = parts.map(\.direction.rows).max().map { $0 > 1 ? $0 : identity.styleGAN2Layers } ?? 1
        let edit = LatentEdit(parts, layers: try layers?.range(rows: layerCount))
        var (values, rows) = try edit.apply(
            to: [Float](repeating: 0, count: identity.latentSize), rows: 1, size: identity.latentSize,
            layerCount: layerCount)
        if !locked.isEmpty {
            // A direction that is held may differ from row to row, and then what is left does too.
            let most = try locked.map { try direction($0).rows }.max() ?? 1
            if most > rows { (values, rows) = (LatentEdit.repeatRows(values, size: values.count, rows: most), most) }
            values = try freed(values, rows: rows, of: locked)
        }
        let length = Float((values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(rows)).squareRoot())
        guard length > 1e-6 else {
            throw Failure("mix", "changes nothing", "move a slider first", kind: .usage)
        }
        for index in values.indices { values[index] /= length }
        var metadata = DirectionMetadata(space: rows > 1 ? .wPlus : .w)
        metadata.generator = .init(name: identity.name, sha256: identity.sha256)
        metadata.created = ISO8601DateFormatter().string(from: Date())
        metadata.program = Version.current
        let recipe = parts.map { "\($0.direction.label)*\($0.strength)" }.joined(separator: "+")
        metadata.other = ["mix": recipe, "mix_layers": layers?.description ?? "all"]
        if !locked.isEmpty {
            metadata.other["mix_locked"] = try locked.map { try direction($0).label }.joined(separator: "+")
        }
        metadata.inputs = DirectionMetadata.fingerprint(
            metadata.other.merging(["generator": identity.sha256]) { first, _ in first })
        let file = try DirectionFile(
            attribute: attribute, values: values, rows: rows, intercept: 0, sigma: length, metadata: metadata)
        return try session.library.add(file).direction
    }

    /// How many scored latents lie in each of 20 equal parts of an attribute's probability.
    ///
    /// - Throws: ``Core/Failure``: no database (not found), or no scores of that attribute.
    public func histogram(_ attribute: String) throws -> [Int] {
        let slug = try Attribute.named(attribute).slug
        let answer = try session.query(QueryRequest(.filter("\(slug) >= 0"), limit: 1_000_000))
        guard let column = answer.columns.firstIndex(of: slug) else {
            throw Failure("attribute \(slug)", "has no scores", "score the latents first", kind: .notFound)
        }
        var bars = Array(repeating: 0, count: 20)
        for row in answer.rows {
            guard case .real(let value) = row[column] else { continue }
            bars[min(19, max(0, Int(value * 20)))] += 1
        }
        return bars
    }
}

extension [Float] {
    /// The part across a unit vector.
    fileprivate func without(_ axis: [Float]) -> [Float] {
        let along = zip(self, axis).reduce(0) { $0 + $1.0 * $1.1 }
        return zip(self, axis).map { $0 - along * $1 }
    }
}
