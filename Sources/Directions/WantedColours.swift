import ColourNetworks
import Colourisation
import Core
import Faces
import Images

/// Colours that faces are to have: those of a picture, or of a palette.
struct WantedColours: Sendable {
    /// Colours for heads, and for what lies around them.
    private let head, around: Told
    /// How far they are taken: 0 not at all, 1 all the way.
    private let strength: Float

    /// Some colours.
    private struct Told {
        /// Cb and Cr in 8-bit steps, of any shape.
        let chroma: Chroma
        /// What each counts, of the same shape; nil for all alike.
        var weights: Plane?
        /// How much it counts how often each occurs.
        var insistence = 1.0

        /// The colours of a face.
        ///
        /// - Parameters:
        ///   - shares: How likely each colour is at each place.
        ///   - places: What each place counts.
        /// - Returns: Of the shares' shape.
        func chroma(by shares: ColourShares, places: Plane) -> Chroma {
            shares.chroma(told: chroma, weights: weights, places: places, insistence: insistence)
        }
    }

    /// Pixels along a side of the picture whose colours are taken.
    private static let side = 256

    /// - Parameters:
    ///   - picture: A face's square that has them.
    ///   - strength: How far they are taken.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    init(of picture: Image, strength: Float = 1) throws {
        let chroma = Chroma(of: picture)
        let head = try WantedColours.head(of: picture)
        let rest = head.map { 1 - $0 }
        // A picture that is all head, or shows none, has one kind of colours.
        let least = 0.02 * Float(head.values.count)
        let hasBoth = [head, rest].allSatisfy { $0.values.reduce(0, +) > least }
        self.head = Told(chroma: chroma, weights: hasBoth ? head : nil)
        around = Told(chroma: chroma, weights: hasBoth ? rest : nil)
        self.strength = strength
    }

    /// How much of each place of a face's square is of the head.
    ///
    /// - Parameter picture: The square, in FFHQ's frame.
    /// - Returns: Of its shape, 0 to 1.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    private static func head(of picture: Image) throws -> Plane {
        let grey = FilmStock.panchromatic.grey(of: picture)
        return FaceMatte.head(Plane(try Session.person(grey.picture)), by: grey)
    }

    /// Colours of a palette.
    ///
    /// It says which there are, not how often, and what lies around a head may be grey as well.
    ///
    /// - Parameters:
    ///   - palette: Red, green and blue of each.
    ///   - strength: How far they are taken.
    init(palette: [(UInt8, UInt8, UInt8)], strength: Float) {
        head = WantedColours.told(palette)
        around = WantedColours.told(palette + [(128, 128, 128)])
        self.strength = strength
    }

    private static func told(_ palette: [(UInt8, UInt8, UInt8)]) -> Told {
        // Things of one colour differ by light, as much as skin does: the means of the quarters of a normal distribution that
        // deviates by 4 of 255.
        let steps: [Float] = [-5.1, -1.3, 1.3, 5.1]
        let plain = Chroma(of: Image(width: palette.count, height: 1, pixels: palette.flatMap { [$0.0, $0.1, $0.2] }))
        var (blue, red): ([Float], [Float]) = ([], [])
        for index in palette.indices {
            for b in steps {
                for r in steps {
                    blue.append(plain.cb.values[index] + b)
                    red.append(plain.cr.values[index] + r)
                }
            }
        }
        let chroma = Chroma(cb: Plane(blue, width: blue.count, height: 1), cr: Plane(red, width: red.count, height: 1))
        return Told(chroma: chroma, insistence: 0.4)
    }

    /// The colours that a request names; nil for none.
    ///
    /// - Parameters:
    ///   - request: Names a picture or a palette.
    ///   - detector: See ``picture(_:detector:)``.
    /// - Throws: As ``picture(_:detector:)``.
    init?(_ request: ColorizeRequest, detector: @autoclosure () throws -> FaceDetector) throws {
        if !request.palette.isEmpty {
            self.init(palette: try request.palette.map(ColorizeRequest.colour), strength: request.colourStrength)
        } else if let picture = try WantedColours.picture(request, detector: detector()) {
            try self.init(of: picture, strength: request.colourStrength)
        } else {
            return nil
        }
    }

    /// A square picture that has the colours that a request names; nil for none.
    ///
    /// - Parameters:
    ///   - request: Names a picture or a palette.
    ///   - detector: Finds the named picture's largest face, whose square is taken: the frame of those that the colours are for. Of
    ///     a picture without a face the middle is taken.
    /// - Returns: The picture.
    /// - Throws: ``Core/Failure`` naming a picture that can't be read or is grey, or a colour that is none.
    static func picture(_ request: ColorizeRequest, detector: @autoclosure () throws -> FaceDetector) throws -> Image? {
        guard let file = request.coloursOf else {
            return request.palette.isEmpty ? nil : Image.stripes(try request.palette.map(ColorizeRequest.colour))
        }
        let picture = try Image.read(file)
        let face = try AlignedPhotograph.all(in: picture, detector: detector()).first
        let square = face.map { picture.sampled($0.square, size: side) } ?? picture.centredSquare(size: side)
        let chroma = Chroma(of: square)
        guard (chroma.cb.values + chroma.cr.values).contains(where: { abs($0) > 4 }) else {
            throw Failure(file, "has no colours that could be taken", "name a picture in colour", kind: .usage)
        }
        return square
    }

    /// A face's colours moved to these.
    ///
    /// - Parameters:
    ///   - own: The face's colours, of any shape.
    ///   - face: The face's square.
    ///   - shares: How likely each colour is at each place; nil moves mean and covariance alone.
    /// - Returns: Of the shape of `own`.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    func moved(_ own: Chroma, of face: Image, by shares: ColourShares?) throws -> Chroma {
        guard let shares else {
            return ChromaStatistics(of: own).moved(own, to: ChromaStatistics(of: head.chroma), strength: strength)
        }
        // The head is told heads' colours alone, so that no wall is in the hair.
        let places = try WantedColours.head(of: face).resized(width: shares.side, height: shares.side)
        let told = around.chroma(by: shares, places: places.map { 1 - $0 })
            .mixed(with: head.chroma(by: shares, places: places), share: places)
            .resized(width: own.width, height: own.height)
        func mixed(_ a: Plane, _ b: Plane) -> Plane { a.map(with: b) { $0 + strength * ($1 - $0) } }
        return Chroma(cb: mixed(own.cb, told.cb), cr: mixed(own.cr, told.cr))
    }
}
