import Colourisation
import Core
import Editing
import Foundation
import Generators
import Images
import Inversion
import Latents

/// Which photographs to colour, and how.
public struct ColorizeRequest: Sendable {
    /// Pictures, and folders of pictures.
    public var files: [String]
    /// Where the coloured ones go: a file for one picture, else a folder; nil puts each beside its photograph.
    public var out: String?
    /// A picture of photographs beside what became of them, a row each; nil for none.
    public var sheet: String?
    /// Whether each picture is the square of one face in FFHQ's frame already; else its faces are looked for.
    public var isAligned = false
    /// Whether the generator's own picture is wanted, without the photograph's luminance.
    public var isAsGenerated = false
    /// Where faces' colours come from; nil takes both where both are there, else the one that is.
    public var source: ColourSource?
    /// Whether the generator's faces get the photographs' details by the encoder's consultation, where it has one.
    public var isConsulted = true
    /// How many colourings of each photograph, 1 to 16: the likeliest, then others drawn from the generator.
    public var variants = 1
    /// What the photographs' grey is of.
    public var film = FilmStock.panchromatic
    /// What becomes of the photograph around the face.
    public var surround = PhotographColouring.Surround.soft
    /// A picture whose colours are taken; nil for none.
    public var coloursOf: String?
    /// Colours that are taken, as #rrggbb; empty for none.
    public var palette: [String] = []
    /// How far those colours are taken: 0 not at all, 1 all the way.
    public var colourStrength: Float = 1
    /// Directions to apply, as in an ``EditRequest``; nil for none.
    public var directions: String?
    /// How far.
    public var strength: Float = 1
    /// What a strength of 1 means.
    public var unit = StrengthUnit.sigma
    /// When the search for a code ends, where there is no encoder.
    public var budget = InversionBudget(seconds: 40)
    /// Of the variants.
    public var seed: UInt64 = 0
    /// The generator's name in the workspace.
    public var generator = "default"

    /// - Parameters:
    ///   - files: Pictures, and folders of pictures.
    ///   - out: Where the coloured ones go: a file for one picture, else a folder; nil puts each beside its photograph.
    public init(_ files: [String], out: String? = nil) {
        self.files = files
        self.out = out
    }

    /// Checks what can be checked before anything is read.
    ///
    /// - Throws: ``Core/Failure`` (usage) for no pictures, numbers out of range, or colours that are none.
    public func validate() throws {
        guard !files.isEmpty else { throw Failure("photographs", "are none", "name some pictures", kind: .usage) }
        if out == nil, let folder = files.first(where: ColorizeRequest.isFolder) {
            throw Failure(
                folder, "is a folder, and its coloured pictures have no place of their own", "name a folder for them",
                kind: .usage)
        }
        guard 1...16 ~= variants else { throw Failure("variants", "must be 1 to 16", "for example 4", kind: .usage) }
        guard 0...2 ~= colourStrength else {
            throw Failure("strength of the colours", "must be 0 to 2", "for example 0.7", kind: .usage)
        }
        guard strength.isFinite else { throw Failure("strength", "is not finite", "for example 1", kind: .usage) }
        guard coloursOf == nil || palette.isEmpty else {
            throw Failure("colours", "are those of a picture and of a palette", "give one of them", kind: .usage)
        }
        for colour in palette { _ = try ColorizeRequest.colour(colour) }
        if let directions { try EditMixture.check(directions) }
        if let sheet { _ = try ImageFormat(path: sheet) }
        try budget.validate()
    }

    /// A colour of six hexadecimal digits.
    static func colour(_ text: String) throws -> (UInt8, UInt8, UInt8) {
        let digits = text.hasPrefix("#") ? String(text.dropFirst()) : text
        guard digits.count == 6, let value = UInt32(digits, radix: 16) else {
            throw Failure("colour \(text)", "is not #rrggbb", "for example #c9a27e", kind: .usage)
        }
        return (UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255))
    }
}

/// What became of the photographs.
public struct ColorizeResult: Sendable {
    /// A picture that was written.
    public struct Picture: Sendable, Encodable {
        /// The photograph.
        public let file: String
        /// The coloured picture.
        public let out: String
        /// Whether it was made now; false where it was there.
        public let isNew: Bool
    }

    /// Pixels along the longer side of a picture in the sheet, and photographs in it at most: the first.
    fileprivate static let (sheetSide, mostRows) = (512, 24)

    /// In the order of the photographs.
    public let pictures: [Picture]
    /// Why photographs were left out, each with its file.
    public let leftOut: [Failure]
}

extension Session {
    /// Colours grey photographs and keeps their own luminance.
    ///
    /// A picture that is there already is not made again, so that a stopped folder goes on, unless it is the only one and was named.
    /// A picture that can't be read or shows no face is left out, the others are done. No photograph is written over.
    ///
    /// - Throws: ``Core/Failure``: a request that makes no sense (usage), no such generator or networks (not found), a file that can't
    ///   be written, or a stop.
    public func colorize(_ request: ColorizeRequest) throws -> ColorizeResult {
        try request.validate()
        let files = try pictureFiles(request.files)
        let originals = OriginalFiles(files)
        if let sheet = request.sheet { try originals.check(sheet) }
        if let out = request.out, !request.isNamed(among: files.count) {
            try OriginalFiles(request.files).check(folder: out)
        }
        let progress = context.progress("colorize", unit: "photographs", total: files.count)
        defer { progress.finish() }
        var (pictures, leftOut): ([ColorizeResult.Picture], [Failure]) = ([], [])
        var colouring: PhotographWork?
        // What fails for all photographs is said once.
        var isReady = true
        for file in files {
            try context.check()
            do {
                let names = try request.names(for: file, among: files.count)
                for name in names { try originals.check(name) }
                if !request.isNamed(among: files.count),
                    names.allSatisfy({ FileManager.default.fileExists(atPath: $0) })
                {
                    pictures += names.map { .init(file: file, out: $0, isNew: false) }
                } else {
                    let data = try AtomicFile.read(file)
                    let picture = try request.isAligned ? Session.alignedPicture(file) : Image.read(file)
                    isReady = false
                    let work = try colouring ?? PhotographWork(self, request)
                    (colouring, isReady) = (work, true)
                    var notes = PictureNotes(of: data)
                    notes.comment =
                        "The colours of this picture are invented (directions \(Version.current)): "
                        + "only its luminance was photographed."
                    for (name, coloured) in zip(names, try work.coloured(picture, file: file)) {
                        let format = try ImageFormat(path: name)
                        try AtomicFile.write(notes.added(to: coloured.encoded(as: format), as: format), to: name)
                        pictures.append(.init(file: file, out: name, isNew: true))
                    }
                }
            } catch let failure as Failure where failure.kind != .cancelled && files.count > 1 && isReady {
                leftOut.append(failure)
            }
            progress.advance(1)
        }
        if let sheet = request.sheet, !pictures.isEmpty { try Session.sheet(pictures).write(to: sheet) }
        return ColorizeResult(pictures: pictures, leftOut: leftOut)
    }

    /// Photographs and their colourings, a row for each.
    private static func sheet(_ pictures: [ColorizeResult.Picture]) throws -> Image {
        var rows: [[Image?]] = []
        var last: String?
        for picture in pictures {
            if picture.file != last {
                guard rows.count < ColorizeResult.mostRows else { break }
                rows.append([try Image.read(picture.file).fitting(ColorizeResult.sheetSide)])
            }
            rows[rows.count - 1].append(try Image.read(picture.out).fitting(ColorizeResult.sheetSide))
            last = picture.file
        }
        return try Grid(rows).rendered()
    }
}

extension ColorizeRequest {
    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// Whether the coloured picture has a name, being the only one.
    fileprivate func isNamed(among count: Int) -> Bool {
        count == 1 && !((out ?? "") as NSString).pathExtension.isEmpty
    }

    /// Where a photograph's colourings go, in the photograph's own format where that is written.
    fileprivate func names(for file: String, among count: Int) throws -> [String] {
        var path = out ?? ""
        if !isNamed(among: count) {
            let folder = out ?? (file as NSString).deletingLastPathComponent
            if out != nil { try AtomicFile.makeFolder(folder) }
            let name = (file as NSString).lastPathComponent as NSString
            let ending =
                ["jpg", "jpeg", "png", "webp"].contains(name.pathExtension.lowercased()) ? name.pathExtension : "png"
            path = (folder as NSString).appendingPathComponent("\(name.deletingPathExtension)-colour.\(ending)")
        }
        _ = try ImageFormat(path: path)
        if variants == 1 { return [path] }
        let (stem, ending) = ((path as NSString).deletingPathExtension, (path as NSString).pathExtension)
        return (1...variants).map { "\(stem)-\($0).\(ending)" }
    }
}
