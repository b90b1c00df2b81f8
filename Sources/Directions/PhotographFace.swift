import Classifiers
import Colourisation
import Core
import Editing
import Encoders
import Faces
import Foundation
import Generators
import Images
import Inversion
import Latents

/// A face of a photograph, as large as it is there.
struct PhotographFace: Sendable {
    /// The whole photograph.
    let picture: Image
    /// The face's square in FFHQ's frame, upright.
    let square: Image
    /// Where that square is in the photograph.
    private let place: Place

    private enum Place: Sendable {
        /// Upright, its top left corner at a pixel.
        case whole(x: Int, y: Int)
        /// At any turn and size.
        case turned(PictureSquare)
    }

    /// Sides between which a face that has to be turned upright is worked on.
    private static let sides = 256...1024

    /// - Parameters:
    ///   - file: The picture's file.
    ///   - isAligned: Whether it is the square of one face in FFHQ's frame already; else its faces are looked for.
    ///   - number: Which of its faces, from 1, the largest first.
    ///   - alignment: JSON of where the face was found before; nil looks for it.
    ///   - detector: Finds faces; made when there is one to be found.
    ///   - context: Whom to tell of other faces and of small ones.
    /// - Throws: ``Core/Failure`` naming the file when it can't be read, or is no face.
    init(
        _ file: String, isAligned: Bool, number: Int = 1, alignment: String? = nil,
        detector: () throws -> FaceDetector, context: RunContext = .silent
    ) throws {
        if isAligned {
            picture = try Session.alignedPicture(file)
            let window = FaceFrame.ffhq.wholeWindow(width: picture.width, height: picture.height)
            square = picture.cropped(x: window.x, y: window.y, width: window.side, height: window.side)
            place = .whole(x: window.x, y: window.y)
            return
        }
        picture = try Image.read(file)
        if let alignment, let known = try? JSONDecoder().decode(PictureSquare.self, from: Data(alignment.utf8)),
            known.isIn(width: picture.width, height: picture.height)
        {
            square = picture.sampled(known, size: PhotographFace.size(of: known))
            place = .turned(known)
            return
        }
        let found = try Session.faces(of: picture, file: file, which: number, detector: detector())[0]
        if found.faces > 1 {
            context.notice(
                "\(file): face \(number) of \(found.faces), from the largest; `directions align` shows them all")
        }
        if found.isSmall {
            let eyes = Int(found.landmarks.eyeDistance.rounded())
            context.notice("\(file): \(eyes) pixels between the eyes: detail will be guessed")
        }
        square = found.crop(of: picture, size: PhotographFace.size(of: found.square))
        place = .turned(found.square)
    }

    /// A face that was found.
    init(_ picture: Image, at found: PictureSquare) {
        self.picture = picture
        square = picture.sampled(found, size: PhotographFace.size(of: found))
        place = .turned(found)
    }

    private static func size(of square: PictureSquare) -> Int {
        min(max(Int(square.side.rounded()), sides.lowerBound), sides.upperBound)
    }

    /// Where the face lies in the photograph, as JSON; nil where the picture is its square.
    func alignment() throws -> String? {
        guard case .turned(let square) = place else { return nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(square), as: UTF8.self)
    }

    /// The photograph with changes of its face put into it.
    ///
    /// - Parameters:
    ///   - change: Differences of RGB in [-1, 1], of the square's size.
    ///   - isCropped: Whether the square alone is wanted.
    /// - Returns: The photograph, or the square.
    func picture(changedBy change: ImageBatch, isCropped: Bool) -> Image {
        let change = change.resized(to: square.width)
        if isCropped { return square.adding(change, x: 0, y: 0) }
        switch place {
        case .whole(let x, let y): return picture.adding(change, x: x, y: y)
        case .turned(let place): return picture.pasting(square.adding(change, x: 0, y: 0), over: square, at: place)
        }
    }
}

/// Edits photographs' faces with one generator.
struct PhotographEditor {
    private let generator: Generator
    private let synthesizer: any Synthesizer
    private let consultation: FaceConsultation?
    private let registration: Registration

    /// - Parameters:
    ///   - generator: Whose faces are laid over the photographs.
    ///   - rendering: How they are synthesized.
    ///   - consultation: Gives them the photographs' details; nil leaves them as the generator makes them.
    ///   - registration: How exactly they are laid over the photographs.
    /// - Throws: ``Core/Failure`` when the generator can't be computed so.
    init(
        _ generator: Generator, rendering: FaceRendering, consultation: FaceConsultation? = nil,
        registration: Registration = .exact
    ) throws {
        self.generator = generator
        self.consultation = consultation
        self.registration = registration
        synthesizer = try generator.synthesizer(
            rendering.engine, threads: rendering.threads, device: rendering.device, isHalf: rendering.isHalf)
    }

    /// One photograph's edits, whatever they are.
    struct Edits {
        /// The photograph's face.
        let face: PhotographFace
        fileprivate let photograph: ImageBatch
        fileprivate let code: LatentCodes
        fileprivate let reconstruction: ImageBatch
        fileprivate let transfer: EditTransfer
        fileprivate let synthesizer: any Synthesizer
        fileprivate let consulted: ConsultedFaces?
        /// What a grey photograph, tinted or not, is tinted with, as it gets no other colours; nil in colour.
        fileprivate let tint: LuminanceTint?

        /// The photograph with the face of an edited code.
        ///
        /// - Parameters:
        ///   - edited: The code.
        ///   - region: Where changes are kept; nil keeps all.
        ///   - isCropped: Whether the square alone is wanted.
        /// - Returns: The photograph, or the square.
        /// - Throws: ``Core/Failure`` as synthesis throws.
        func picture(of edited: LatentCodes, region: EditRegion? = nil, isCropped: Bool) throws -> Image {
            try face.picture(changedBy: change(to: edited, region: region), isCropped: isCropped)
        }

        /// The face's square, as large as the generator makes it.
        func square(of edited: LatentCodes, region: EditRegion?) throws -> Image {
            let change = try change(to: edited, region: region)
            return (photograph + change).images[0]
        }

        private func change(to edited: LatentCodes, region: EditRegion?) throws -> ImageBatch {
            let same = edited.values == code.values
            let side = reconstruction.side
            let made =
                same
                ? reconstruction
                : try consulted?.faces(edited, size: side) ?? synthesizer.synthesize(edited, size: side, noise: .none)
            let change = try transfer.change(to: made)
            let kept = region?.kept(of: change) ?? change
            return tint?.tinted(kept, of: photograph) ?? kept
        }
    }

    /// Faces that an edit's region is learnt from.
    private static let faces = 8

    /// Which places of the generator's own faces an edit's attributes owe their change to.
    ///
    /// - Parameters:
    ///   - edited: The edited code.
    ///   - code: The code before.
    ///   - columns: The attributes' logits.
    ///   - classifier: Gives the logits.
    /// - Returns: [side, side] at the classifier's size, the mean of the faces.
    /// - Throws: ``Core/Failure`` as synthesis throws.
    func parts(
        of edited: LatentCodes, from code: LatentCodes, columns: [Int], classifier: AttributeClassifier
    ) throws -> [Float] {
        let w = try generator.latents(seed: .max - 1, indices: 0..<UInt64(PhotographEditor.faces))
        let plain = (0..<PhotographEditor.faces).flatMap { face in
            (0..<edited.rows).flatMap { _ in w[face * edited.size..<(face + 1) * edited.size] }
        }
        return try parts(
            of: edited, from: code, at: LatentCodes(plain, rows: edited.rows, size: edited.size), columns: columns,
            classifier: classifier)
    }

    /// Which places of some faces an edit's attributes owe their change to.
    func parts(
        of edited: LatentCodes, from code: LatentCodes, at faces: LatentCodes, columns: [Int],
        classifier: AttributeClassifier
    ) throws -> [Float] {
        let (rows, size) = (edited.rows, edited.size)
        func full(_ codes: LatentCodes) -> [Float] {
            codes.rows == rows ? codes.values : LatentEdit.repeatRows(codes.values, size: size, rows: rows)
        }
        let change = zip(edited.values, full(code)).map { $0 - $1 }
        return try EditRegion.parts(
            of: change, at: LatentCodes(full(faces), rows: rows, size: size), columns: columns, classifier: classifier,
            synthesizer: synthesizer)
    }

    /// Makes ready to edit a photograph.
    ///
    /// - Parameters:
    ///   - face: The photograph's face.
    ///   - code: Its code.
    ///   - size: Pixels along a side that the generator makes; nil for as many as the photograph has.
    /// - Returns: What makes its edits.
    /// - Throws: ``Core/Failure`` when the code does not fit the generator, or memory runs out.
    func edits(of face: PhotographFace, code: LatentCodes, size: Int? = nil) throws -> Edits {
        let size = size ?? synthesizer.sizes.smallest(covering: face.square.width)
        let photograph = ImageBatch([face.square], side: face.square.width).resized(to: size)
        let consulted = try consultation?.faces(of: code, photographs: photograph, isGrey: false)
        let reconstruction =
            try consulted?.faces(size: size) ?? synthesizer.synthesize(code, size: size, noise: .none)
        return Edits(
            face: face, photograph: photograph, code: code, reconstruction: reconstruction,
            transfer: try EditTransfer(
                photograph: photograph, reconstruction: reconstruction, registration: registration,
                segmenter: Session.person),
            synthesizer: synthesizer, consulted: consulted, tint: LuminanceTint(of: face.square))
    }
}

extension Session {
    /// What edits photographs whose generator was not tuned: with the encoder's consultation, where there is one and it is wanted.
    func editor(
        of source: PhotographSource, _ generator: Generator, _ rendering: FaceRendering
    ) throws -> PhotographEditor {
        let consultation = source.isConsulted ? try consultation(for: generator, isGrey: false) : nil
        return try PhotographEditor(generator, rendering: rendering, consultation: consultation)
    }
}

extension Image {
    /// The picture made smaller where its longer side has more pixels; nil leaves it.
    func fitting(_ longest: Int?) -> Image {
        let side = max(width, height)
        guard let longest, side > longest else { return self }
        func scaled(_ length: Int) -> Int { max(1, (length * longest + side / 2) / side) }
        return resized(width: scaled(width), height: scaled(height))
    }
}
