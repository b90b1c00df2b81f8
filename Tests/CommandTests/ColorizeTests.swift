import ColourNetworks
import Core
import Foundation
import Images
import Networks
import Testing
import Weights

/// `directions colorize` as a person would use it, with a small network of fresh weights that has colours for everything.
@Suite(.serialized) struct ColorizeTests {
    private let folder = NSTemporaryDirectory() + "colorize-\(UUID().uuidString)"

    init() throws {
        try AtomicFile.makeFolder(folder + "/models")
        var backbone = try Architecture.named("tiny")
        backbone.inputSize = 64
        // Nodes about skin's colours.
        let bins = try ColourBins(nodes: [250, 262, 263, 264, 287, 288, 289, 312])
        let network = try ColourNetwork(ColourConfiguration(backbone, bins: bins), seed: 5)
        let card = ColourCard(name: "tiny", configuration: network.configuration)
        try ColourFile.write(card, weights: network.state(), to: folder + "/models/tiny.colorizer.safetensors")
    }

    /// A square of soft shapes and hard edges, from black to white.
    private func picture(_ side: Int = 96, phase: Double = 0) -> Image {
        var image = Image(width: side, height: side, fill: (0, 0, 0))
        for y in 0..<side {
            for x in 0..<side {
                let wave = 127.5 + 127.5 * sin(Double(x) / 9 + phase) * cos(Double(y) / 13)
                let value = UInt8(x > side / 2 && y > side / 2 ? 255 - wave : wave)
                for c in 0..<3 { image.pixels[3 * (y * side + x) + c] = value }
            }
        }
        return image
    }

    private func colorize(_ words: [String], status: Int32 = 0) throws -> Program.Result {
        let result = try Program.run(["colorize"] + words, workspace: folder)
        #expect(result.status == status, "\(words): \(result.errors)")
        return result
    }

    @Test func sizeAndLuminanceAreKeptAndTheNoteIsWritten() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (file, out) = (folder + "/face.png", folder + "/colour.png")
        let photograph = picture()
        try photograph.write(to: file)
        _ = try colorize([file, "--aligned", "--out", out, "--sheet", folder + "/compare.png"])
        let coloured = try Image.read(out)
        // Before and after, side by side.
        let sheet = try Image.read(folder + "/compare.png")
        #expect(sheet.height < 120 && sheet.width > 2 * 96)
        let right = sheet.cropped(x: sheet.width - 96 - 4, y: 4, width: 96, height: 96)
        #expect(sheet.cropped(x: 4, y: 4, width: 96, height: 96) == photograph && right == coloured)
        #expect(coloured.width == 96 && coloured.height == 96)
        var (most, colourful) = (Float(0), 0)
        for i in 0..<96 * 96 {
            let rgb = (0..<3).map { Float(coloured.pixels[3 * i + $0]) }
            let luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
            most = max(most, abs(luma - Float(photograph.pixels[3 * i])))
            if rgb[0] != rgb[2] { colourful += 1 }
        }
        #expect(most <= 0.5, "luminance is off by \(most)")
        #expect(colourful > 96 * 96 / 4, "has colours")
        let bytes = String(decoding: try Data(contentsOf: URL(fileURLWithPath: out)), as: UTF8.self)
        #expect(bytes.contains("colours of this picture are invented"))
    }

    @Test func exifIsKeptInAPhotographsOwnFormat() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let source = Program.root + "/Tests/Fixtures/pictures/exif-6.jpg"
        let before = try Image.read(source)
        let side = min(before.width, before.height)
        // The fixture's EXIF on a picture that is large enough for a face.
        let exif = try #require(ColorizeTests.exif(of: Data(contentsOf: URL(fileURLWithPath: source))))
        let plain = try picture().encoded(as: .jpeg)
        var length = Data()
        length.append(contentsOf: [UInt8((exif.count + 2) >> 8), UInt8((exif.count + 2) & 255)])
        let file = folder + "/face.jpg"
        try AtomicFile.write(plain.prefix(2) + Data([0xFF, 0xE1]) + length + exif + plain.dropFirst(2), to: file)
        #expect(side > 0)
        _ = try colorize([file, "--aligned", "--out", folder + "/colour.jpg"])
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/colour.jpg"))
        #expect(data.starts(with: [0xFF, 0xD8]))
        let kept = try #require(ColorizeTests.exif(of: data))
        #expect(kept.count == exif.count)
        // All but the orientation, which is upright now.
        let differing = zip(kept, exif).count { $0 != $1 }
        #expect(differing <= 2, "\(differing) bytes differ")
    }

    /// The EXIF segment's content of a JPEG file, which comes first.
    private static func exif(of data: Data) -> Data? {
        var at = 2
        while at + 4 < data.count, data[at] == 0xFF {
            let length = Int(data[at + 2]) << 8 | Int(data[at + 3])
            if data[at + 1] == 0xE1 { return Data(data[(at + 4)..<(at + 2 + length)]) }
            at += 2 + length
        }
        return nil
    }

    @Test func aPictureWithoutAFaceIsNamedAndNothingIsWritten() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (file, out) = (folder + "/sea.png", folder + "/colour.png")
        try picture(200).write(to: file)
        let result = try colorize([file, "--out", out], status: 1)
        #expect(result.errors.contains("sea.png") && result.errors.contains("no face"))
        #expect(!FileManager.default.fileExists(atPath: out))
        let left = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(left.sorted() == ["models", "sea.png"], "\(left)")
        for words in [
            [file, "--out", out, "--palette", "#12345"], [file, "--out", out, "--palette", ","],
            [file, "--out", folder + "/colour.txt"],
        ] {
            let refused = try colorize(words, status: 64)
            #expect(refused.errors.contains("directions: "), "\(refused.errors)")
        }
    }

    @Test func aFolderGoesOnWhereItStopped() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (photographs, out) = (folder + "/album", folder + "/coloured")
        try AtomicFile.makeFolder(photographs)
        for index in 0..<3 { try picture(phase: Double(index)).write(to: "\(photographs)/\(index).png") }
        try AtomicFile.write("no picture", to: photographs + "/broken.jpg")
        let first = try colorize([photographs, "--aligned", "--out", out], status: 1)
        #expect(first.errors.contains("broken.jpg"))
        let names = (0..<3).map { "\($0)-colour.png" }
        #expect(try FileManager.default.contentsOfDirectory(atPath: out).sorted() == names)
        let before = try Data(contentsOf: URL(fileURLWithPath: "\(out)/0-colour.png"))
        try FileManager.default.removeItem(atPath: "\(out)/1-colour.png")
        try AtomicFile.write("kept", to: "\(out)/2-colour.png")
        let second = try colorize([photographs, "--aligned", "--out", out], status: 1)
        #expect(second.output.contains("0-colour.png (there already)"))
        #expect(!second.output.contains("1-colour.png (there already)"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(out)/0-colour.png")) == before)
        #expect(try String(contentsOfFile: "\(out)/2-colour.png", encoding: .utf8) == "kept")
        #expect(FileManager.default.fileExists(atPath: "\(out)/1-colour.png"))
    }

    @Test func aPhotographIsNeverWrittenOver() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/face.png"
        try picture().write(to: file)
        let before = try Data(contentsOf: URL(fileURLWithPath: file))
        try FileManager.default.createSymbolicLink(atPath: folder + "/other.png", withDestinationPath: "face.png")
        for out in [file, folder + "/other.png", folder + "/models/../face.png"] {
            for words in [
                ["colorize", file, "--aligned", "--out", out], ["invert", file, "--aligned", "--out", out],
                ["colorize", file, "--aligned", "--out", folder + "/colour.png", "--sheet", out],
                ["edit", "--photo", file, "--direction", "smiling", "--out", out],
                ["synth", "--photo", file, "--out", out],
            ] {
                let refused = try Program.run(words, workspace: folder)
                #expect(refused.status == 64 && refused.errors.contains("would be lost"), "\(words): \(refused.errors)")
            }
        }
        for words in [["colorize", folder, "--aligned"], ["align", folder]] {
            let refused = try Program.run(words + ["--out", folder + "/models/.."], workspace: folder)
            #expect(refused.status == 64 && refused.errors.contains("is the folder of the photographs"), "\(refused)")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
    }

    @Test func colouringsLieBesideTheirPhotographs() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (file, out) = (folder + "/face.png", folder + "/face-colour.png")
        try picture().write(to: file)
        #expect(try colorize([file, "--aligned"]).output == out + "\n")
        let first = try Image.read(out)
        // What is there already stays, whatever is asked for now; a name of its own is written anew.
        let again = try colorize([file, "--aligned", "--palette", "#c96a2e"])
        #expect(try again.output.contains("(there already)") && Image.read(out) == first)
        _ = try colorize([file, "--aligned", "--palette", "#c96a2e", "--out", out])
        #expect(try Image.read(out) != first)
        let refused = try colorize([folder, "--aligned"], status: 64)
        #expect(refused.errors.contains("no place of their own"), "\(refused.errors)")
    }

    @Test func aPaletteMovesTheColours() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/face.png"
        try picture().write(to: file)
        func warmth(_ out: String) throws -> Double {
            let image = try Image.read(out)
            return (0..<96 * 96).reduce(0.0) {
                $0 + Double(image.pixels[3 * $1]) - Double(image.pixels[3 * $1 + 2])
            } / Double(96 * 96)
        }
        var found: [String: Double] = [:]
        for (name, words) in [
            ("plain", []), ("warm", ["--palette", "#c96a2e"]), ("half", ["--palette", "#c96a2e", "--strength", "0.5"]),
            ("cold", ["--palette", "#2e6ac9,#4e7ab0"]), ("none", ["--palette", "#2e6ac9", "--strength", "0"]),
        ] {
            _ = try colorize([file, "--aligned", "--out", "\(folder)/\(name).png"] + words)
            found[name] = try warmth("\(folder)/\(name).png")
        }
        let (plain, warm, half, cold, none) = (
            found["plain"] ?? 0, found["warm"] ?? 0, found["half"] ?? 0, found["cold"] ?? 0, found["none"] ?? 9
        )
        #expect(warm > half && half > plain && plain > cold, "\(found)")
        #expect(abs(none - plain) < 0.2)
        // Another picture's colours.
        try Image(width: 64, height: 64, fill: (40, 60, 200)).write(to: folder + "/blue.png")
        _ = try colorize([file, "--aligned", "--out", folder + "/blued.png", "--colors-of", folder + "/blue.png"])
        #expect(try warmth(folder + "/blued.png") < plain - 10)
        try Image(width: 64, height: 64, fill: (90, 90, 90)).write(to: folder + "/grey.png")
        let words = [file, "--aligned", "--out", folder + "/greyed.png", "--colors-of", folder + "/grey.png"]
        let refused = try colorize(words, status: 64)
        #expect(refused.errors.contains("grey.png: has no colours"), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/greyed.png"))
        // Of several photographs too it is said once.
        let both = try colorize(
            [file, folder + "/blue.png", "--aligned", "--out", folder + "/all", "--colors-of", folder + "/grey.png"],
            status: 64)
        #expect(both.errors.components(separatedBy: "has no colours").count == 2, "\(both.errors)")
    }
}
