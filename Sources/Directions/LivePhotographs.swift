import Classifiers
import Colourisation
import Core
import DirectionFiles
import Editing
import Faces
import Foundation
import Generators
import Images
import Inversion
import Latents
import Synchronization

/// A photograph that is held ready.
public struct LivePhotograph: Sendable, Encodable, Equatable {
    /// The first 16 characters of its file's SHA-256.
    public let id: String
    /// Pixels of a row.
    public let width: Int
    /// Rows.
    public let height: Int
    /// How many faces it has; they are numbered from 1, the largest first.
    public let faces: Int
    /// Whether its faces have no colours, or one tint: sepia, or a faded print's.
    public let isGrey: Bool
}

/// How a face of a photograph stands.
public struct LiveInversion: Sendable, Encodable, Equatable {
    /// How its code was found: `encoder` or `optimise`.
    public let method: String
    /// L2 at 256², of pictures in [-1, 1].
    public let l2: Float
    /// LPIPS by AlexNet at 256².
    public let lpips: Float
    /// Seconds of a search that is running; nil while none is.
    public let searching: Double?
}

/// Photographs that are edited live: held in memory alone, the latest few.
///
/// A face's code comes from the generator's encoder when it is first asked for, so that a slider can be moved at once; a search may
/// go on from there meanwhile. Nothing of a photograph is written.
public final class LivePhotographs: Sendable {
    /// Photographs that are held at most; the one that was not asked for longest goes first.
    public static let limit = 6
    /// Pixels of all that are held, at most; one alone may have more.
    public static let mostPixels = 120_000_000

    private let faces: LiveFaces
    private let editor: PhotographEditor
    /// The same without consultation, which takes longer than a preview may.
    private let quick: PhotographEditor
    /// Pixels along a side up to which a square is a preview.
    private static let preview = 256
    private let held = Mutex<[Held]>([])
    private let regions: LiveRegions
    /// What takes long to load.
    private let loaded = Mutex<Loaded>(Loaded())
    /// One photograph's face at a time, and one preview, which waits for no full picture.
    private let turn = Mutex(())
    private let previewTurn = Mutex(())
    /// One face's code is looked for at a time: of several that ask for it at once the others take it then.
    private let coding = Mutex(())
    /// One picture is decoded at a time: each may have many pixels.
    private let door = Mutex(())

    private struct Loaded {
        var inverter: Inverter?
        var encoder: (any PhotographEncoder)?
    }

    /// A face with its code.
    private struct Coded: Sendable {
        let face: PhotographFace
        var inversion: Inversion
        var method: String
        var searchingSince: Date?
        /// By pixels along a side, negative for previews.
        var edits: [Int: PhotographEditor.Edits] = [:]
    }

    private struct Held: Sendable {
        let photograph: LivePhotograph
        let data: Data
        let picture: Image
        let places: [AlignedPhotograph]
        var coded: [Int: Coded] = [:]
    }

    /// - Parameter faces: Whose generator and directions are used.
    /// - Throws: ``Core/Failure`` when memory runs out.
    public init(_ faces: LiveFaces) throws {
        self.faces = faces
        editor = try PhotographEditor(
            faces.generator, rendering: FaceRendering(),
            consultation: faces.session.consultation(for: faces.generator, isGrey: false))
        regions = LiveRegions(faces, editor: editor)
        quick = try PhotographEditor(faces.generator, rendering: FaceRendering(), registration: .quick)
    }

    private var session: Session { Session(workspace: faces.session.workspace, context: faces.session.context.quiet) }

    // MARK: Photographs

    /// Finds the faces of a picture and holds it ready.
    ///
    /// - Parameter data: A picture's file: JPEG, PNG, WebP or HEIC.
    /// - Returns: What was found.
    /// - Throws: ``Core/Failure``: no such picture (damaged), or one without a face (not found).
    public func add(_ data: Data) throws -> LivePhotograph {
        let id = String(Hashing.sha256(data).prefix(16))
        return try door.withLock { _ in
            if let known = try? find(id) { return known.photograph }
            return try add(data, as: id)
        }
    }

    private func add(_ data: Data, as id: String) throws -> LivePhotograph {
        let picture = try Image.decode(data, name: "the photograph")
        let found = try Session.faces(of: picture, file: "the photograph", which: nil, detector: session.faceDetector())
        let isGrey = found.allSatisfy { TintRemoval.isGrey($0.crop(of: picture, size: TintRemoval.side)) }
        let photograph = LivePhotograph(
            id: id, width: picture.width, height: picture.height, faces: found.count, isGrey: isGrey)
        held.withLock { held in
            held.append(Held(photograph: photograph, data: data, picture: picture, places: found))
            while held.count > 1
                && (held.count > LivePhotographs.limit
                    || held.reduce(0) { $0 + $1.picture.width * $1.picture.height } > LivePhotographs.mostPixels)
            { held.removeFirst() }
        }
        return photograph
    }

    private func find(_ id: String) throws -> Held {
        try held.withLock { held in
            guard let index = held.firstIndex(where: { $0.photograph.id == id }) else {
                throw Failure(
                    "photograph \(id.prefix(16))", "is no longer held", "open it again", kind: .notFound)
            }
            // The latest asked for stands last.
            let found = held.remove(at: index)
            held.append(found)
            return found
        }
    }

    private func change(_ id: String, _ face: Int, _ body: (inout Coded) -> Void) {
        held.withLock { held in
            guard let index = held.firstIndex(where: { $0.photograph.id == id }), held[index].coded[face] != nil else {
                return
            }
            held[index].coded[face].map {
                var one = $0
                body(&one)
                held[index].coded[face] = one
            }
        }
    }

    /// A photograph that is held.
    ///
    /// - Throws: ``Core/Failure`` (not found) when it is not.
    public func photograph(_ id: String) throws -> LivePhotograph { try find(id).photograph }

    /// A face's square.
    ///
    /// - Throws: ``Core/Failure`` (not found): no such photograph or face.
    public func crop(_ id: String, face: Int, size: Int) throws -> Image {
        let found = try find(id)
        return try place(face, of: found).crop(of: found.picture, size: size)
    }

    private func place(_ face: Int, of found: Held) throws -> AlignedPhotograph {
        guard 1...found.places.count ~= face else {
            throw Failure("face \(face)", "is not 1 to \(found.places.count)", "1 is the largest", kind: .notFound)
        }
        return found.places[face - 1]
    }

    // MARK: Codes

    private func networks() throws -> (inverter: Inverter, encoder: (any PhotographEncoder)?) {
        try loaded.withLock { loaded in
            if loaded.inverter == nil {
                loaded.encoder =
                    session.encoderPath(for: faces.generator.identity) == nil
                    ? nil : try session.photographEncoder(for: faces.generator)
                loaded.inverter = try session.inverter(faces.generator)
            }
            guard let inverter = loaded.inverter else { throw Failure("search", "has no networks") }
            return (inverter, loaded.encoder)
        }
    }

    private func coded(_ id: String, _ face: Int) throws -> Coded {
        if let known = try find(id).coded[face] { return known }
        return try coding.withLock { _ in try find(id).coded[face] ?? code(of: find(id), face) }
    }

    private func code(of found: Held, _ face: Int) throws -> Coded {
        let place = try place(face, of: found)
        let one = PhotographFace(found.picture, at: place.square)
        let square = ImageBatch([one.square.centredSquare(size: Inverter.side)], side: Inverter.side)
        let (inverter, encoder) = try networks()
        let inversion: Inversion
        if let encoder {
            inversion = try inverter.encode(square, by: encoder)[0]
        } else {
            inversion = try inverter.invert(square, budget: InversionBudget(seconds: 15), context: session.context)[0]
        }
        let coded = Coded(face: one, inversion: inversion, method: encoder == nil ? "optimise" : "encoder")
        held.withLock { held in
            guard let index = held.firstIndex(where: { $0.photograph.id == found.photograph.id }) else { return }
            held[index].coded[face] = coded
        }
        return coded
    }

    /// The code of a face, [18, 512] in StyleGAN2's rows.
    ///
    /// - Throws: ``Core/Failure``: no such photograph or face (not found), or memory runs out.
    public func code(_ id: String, face: Int) throws -> LatentCodes { try coded(id, face).inversion.code }

    /// How near a face's code comes, and whether a search is running.
    ///
    /// - Throws: As ``code(_:face:)``.
    public func inversion(_ id: String, face: Int) throws -> LiveInversion {
        let one = try coded(id, face)
        return LiveInversion(
            method: one.method, l2: one.inversion.error, lpips: one.inversion.perceptual,
            searching: one.searchingSince.map { -$0.timeIntervalSinceNow })
    }

    /// Goes on from a face's code by the generator's gradients, on a thread of its own; the code is exchanged when it is through.
    ///
    /// - Parameters:
    ///   - id: The photograph.
    ///   - face: Which face.
    ///   - seconds: How long, 1 to 300.
    /// - Throws: ``Core/Failure``: seconds out of range (usage), a search that is running (conflict), or as ``code(_:face:)``.
    public func search(_ id: String, face: Int, seconds: Double) throws {
        guard 1...300 ~= seconds else {
            throw Failure("seconds \(seconds)", "must be 1 to 300", "for example 20", kind: .usage)
        }
        let one = try coded(id, face)
        let (inverter, _) = try networks()
        // Asked and taken at once: of two that come together one is refused.
        let isMine = held.withLock { held in
            guard !held.contains(where: { $0.coded.values.contains { $0.searchingSince != nil } }),
                let index = held.firstIndex(where: { $0.photograph.id == id })
            else { return false }
            held[index].coded[face]?.searchingSince = Date()
            return true
        }
        guard isMine else {
            throw Failure("search", "is running already", "wait for it", kind: .conflict)
        }
        let context = session.context
        Thread { [self] in
            let square = ImageBatch([one.face.square.centredSquare(size: Inverter.side)], side: Inverter.side)
            let found = try? inverter.invert(
                square, start: one.inversion.own, budget: InversionBudget(seconds: seconds), context: context)
            change(id, face) { coded in
                coded.searchingSince = nil
                // Never a worse one.
                guard let found = found?.first, found.perceptual < coded.inversion.perceptual else { return }
                (coded.inversion, coded.method, coded.edits) = (found, "optimise", [:])
            }
        }.start()
    }

    // MARK: Pictures

    /// An edited photograph.
    ///
    /// - Parameters:
    ///   - id: The photograph.
    ///   - face: Which face.
    ///   - after: Its edited code.
    ///   - steps: What was added to it, which says where changes are kept.
    ///   - size: Pixels along the side of the face's square; nil for the whole photograph.
    ///   - isFilmed: Whether it is one of a film's, all of which keep changes to the same places, small ones too.
    ///   - isAbandoned: Asked when its turn has come; true when nobody waits for it any more.
    /// - Returns: The picture; without a change the photograph's own.
    /// - Throws: ``Core/Failure`` as ``code(_:face:)``, or (cancelled) nobody waits.
    public func picture(
        _ id: String, face: Int, after: LatentCodes, steps: [LiveStep], size: Int?, isFilmed: Bool = false,
        isAbandoned: () -> Bool = { false }
    ) throws -> Image {
        let isPreview = size.map { $0 <= LivePhotographs.preview } == true
        func made() throws -> Image {
            if isAbandoned() || faces.session.context.isCancelled {
                throw Failure("photograph", "is not waited for any more", kind: .cancelled)
            }
            let one = try coded(id, face)
            let side = size ?? faces.sizes.smallest(covering: one.face.square.width)
            // A whole photograph with a small face is no preview.
            let key = isPreview ? -side : side
            let edits =
                try one.edits[key]
                ?? (isPreview ? quick : editor).edits(of: one.face, code: one.inversion.code, size: side)
            change(id, face) { $0.edits[key] = edits }
            let region = try regions.region(
                of: steps, at: one.inversion.code, face: one.face.square, isWaited: isFilmed || !isPreview)
            return size == nil
                ? try edits.picture(of: after, region: region, isCropped: false)
                : try edits.square(of: after, region: region)
        }
        return try isPreview ? previewTurn.withLock { _ in try made() } : turn.withLock { _ in try made() }
    }

    // MARK: Colour

    /// Colours a photograph and holds the coloured one ready too.
    ///
    /// - Parameters:
    ///   - id: The photograph.
    ///   - variant: 1 for the likeliest colours, up to 8.
    ///   - palette: Colours to take, as #rrggbb.
    ///   - reference: A held photograph whose colours are taken; nil for none.
    /// - Returns: The coloured photograph.
    /// - Throws: ``Core/Failure``: as ``Session/colorize(_:)``.
    public func coloured(
        _ id: String, variant: Int = 1, palette: [String] = [], reference: String? = nil
    ) throws -> LivePhotograph {
        guard 1...8 ~= variant else { throw Failure("variant", "must be 1 to 8", "for example 1", kind: .usage) }
        let found = try find(id)
        let folder = NSTemporaryDirectory() + "/directions-\(UUID().uuidString)"
        // Others have no business with a photograph.
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.write(found.data, to: "\(folder)/photograph")
        var request = ColorizeRequest(["\(folder)/photograph"], out: "\(folder)/coloured.png")
        (request.variants, request.palette, request.generator) = (variant, palette, faces.name)
        if let reference {
            request.coloursOf = "\(folder)/reference"
            try AtomicFile.write(find(reference).data, to: "\(folder)/reference")
        }
        let result = try session.colorize(request)
        guard let last = result.pictures.last else {
            throw result.leftOut.first ?? Failure("photograph", "could not be coloured")
        }
        return try add(AtomicFile.read(last.out))
    }
}
