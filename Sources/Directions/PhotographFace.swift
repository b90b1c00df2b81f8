import Faces
import Generators
import Images
import Inversion
import Latents

/// A face of a photograph, as large as it is there.
struct PhotographFace: Sendable {
    /// The whole photograph.
    let picture: Image
    /// The face's square in FFHQ's frame.
    let square: Image
    /// Where that square's top left corner is in the photograph.
    private let place: (x: Int, y: Int)

    /// - Parameters:
    ///   - file: The picture's file.
    ///   - isAligned: Whether it is the square of one face in FFHQ's frame already.
    /// - Throws: ``Core/Failure`` naming the file when it can't be read, or is no face.
    init(_ file: String, isAligned: Bool) throws {
        picture = try Session.alignedPicture(file)
        let window = FaceFrame.ffhq.wholeWindow(width: picture.width, height: picture.height)
        square = picture.cropped(x: window.x, y: window.y, width: window.side, height: window.side)
        place = (window.x, window.y)
    }

    /// The photograph with changes of its face put into it.
    ///
    /// - Parameters:
    ///   - change: Differences of RGB in [-1, 1], of the square's size.
    ///   - isCropped: Whether the square alone is wanted.
    /// - Returns: The photograph, or the square.
    func picture(changedBy change: ImageBatch, isCropped: Bool) -> Image {
        let change = change.resized(to: square.width)
        return isCropped ? square.adding(change, x: 0, y: 0) : picture.adding(change, x: place.x, y: place.y)
    }
}

/// Edits photographs' faces with one generator.
struct PhotographEditor {
    private let generator: Generator
    private let synthesizer: any Synthesizer

    init(_ generator: Generator, rendering: FaceRendering) throws {
        self.generator = generator
        synthesizer = try generator.synthesizer(
            rendering.engine, threads: rendering.threads, device: rendering.device, isHalf: rendering.isHalf)
    }

    /// One photograph's edits, whatever they are.
    struct Edits {
        fileprivate let face: PhotographFace
        fileprivate let code: LatentCodes
        fileprivate let reconstruction: ImageBatch
        fileprivate let transfer: EditTransfer
        fileprivate let synthesizer: any Synthesizer

        /// The photograph with the face of an edited code.
        func picture(of edited: LatentCodes, isCropped: Bool) throws -> Image {
            let same = edited.values == code.values
            let made =
                same ? reconstruction : try synthesizer.synthesize(edited, size: reconstruction.side, noise: .none)
            return face.picture(changedBy: transfer.change(to: made), isCropped: isCropped)
        }
    }

    /// Makes ready to edit a photograph.
    ///
    /// - Parameters:
    ///   - face: The photograph's face.
    ///   - code: Its code.
    /// - Returns: What makes its edits.
    /// - Throws: ``Core/Failure`` when the code does not fit the generator, or memory runs out.
    func edits(of face: PhotographFace, code: LatentCodes) throws -> Edits {
        let size = synthesizer.sizes.smallest(covering: face.square.width)
        let reconstruction = try synthesizer.synthesize(code, size: size, noise: .none)
        let photograph = ImageBatch([face.square], side: face.square.width).resized(to: size)
        return Edits(
            face: face, code: code, reconstruction: reconstruction,
            transfer: EditTransfer(photograph: photograph, reconstruction: reconstruction), synthesizer: synthesizer)
    }
}

extension Image {
    /// The picture with differences added to a square of it, rounded and clipped; where they are 0 it stays as it is.
    func adding(_ change: ImageBatch, x left: Int, y top: Int) -> Image {
        var result = self
        let (side, area) = (change.side, change.side * change.side)
        for y in 0..<side {
            for x in 0..<side {
                let at = 3 * ((top + y) * width + left + x)
                for channel in 0..<3 {
                    let value = Float(pixels[at + channel]) + 127.5 * change.planes[channel * area + y * side + x]
                    result.pixels[at + channel] = UInt8(min(255, max(0, value.rounded())))
                }
            }
        }
        return result
    }

    /// The picture made smaller where its longer side has more pixels; nil leaves it.
    func fitting(_ longest: Int?) -> Image {
        let side = max(width, height)
        guard let longest, side > longest else { return self }
        func scaled(_ length: Int) -> Int { max(1, (length * longest + side / 2) / side) }
        return resized(width: scaled(width), height: scaled(height))
    }
}
