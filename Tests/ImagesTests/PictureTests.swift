import Core
import Foundation
import Images
import Testing

/// Tests/Fixtures/pictures: one picture as cameras and programs write it (Tests/Fixtures/make_pictures.py).
@Suite struct PictureTests {
    private static let fixtures =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Fixtures"

    private func read(_ name: String) throws -> Image { try Image.read("\(Self.fixtures)/pictures/\(name)") }

    private func problem(_ name: String) -> String {
        do {
            _ = try read(name)
            return "none"
        } catch { return "\(error)" }
    }

    /// The colours in the middle of the quarters: above, then below.
    private func quarters(_ image: Image) -> [[Int]] {
        [(12, 8), (36, 8), (12, 24), (36, 24)].map { x, y in
            (0..<3).map { Int(image.pixels[3 * (y * image.width + x) + $0]) }
        }
    }

    private func isNear(_ a: [[Int]], _ b: [[Int]], within limit: Int) -> Bool {
        zip(a.joined(), b.joined()).allSatisfy { abs($0 - $1) <= limit }
    }

    private static let colours = [[220, 30, 40], [30, 200, 60], [40, 60, 210], [128, 128, 128]]

    @Test(arguments: (1...8).map { "exif-\($0).jpg" } + ["exif-6.png", "exif-6.webp", "exif-6.heic"])
    func `pictures come upright`(_ name: String) throws {
        let image = try read(name)
        try #require(image.width == 48 && image.height == 32)
        #expect(isNear(quarters(image), Self.colours, within: 12), "\(quarters(image))")
    }

    @Test(arguments: [
        ("progressive.jpg", 6), ("cmyk.jpg", 6), ("palette.png", 2), ("deep.png", 0), ("lossy.webp", 12),
        ("lossless.webp", 0),
        ("picture.heic", 12), ("picture.avif", 12),
    ])
    func `every form of a picture is read`(_ name: String, _ limit: Int) throws {
        let image = try read(name)
        try #require(image.width == 48 && image.height == 32)
        #expect(isNear(quarters(image), Self.colours, within: limit), "\(quarters(image))")
    }

    @Test(arguments: ["alpha.png", "alpha.webp", "palette-alpha.png"]) func `transparency is laid on white`(
        _ name: String
    ) throws {
        let wanted = Array(Self.colours[..<3]) + [[255, 255, 255]]
        #expect(isNear(quarters(try read(name)), wanted, within: 2))
    }

    @Test(arguments: ["grey.jpg", "grey.png"]) func `grey becomes equal colours`(_ name: String) throws {
        for (quarter, colour) in zip(quarters(try read(name)), Self.colours) {
            let grey = (299 * colour[0] + 587 * colour[1] + 114 * colour[2] + 500) / 1000
            #expect(quarter.allSatisfy { abs($0 - grey) <= 2 })
        }
    }

    @Test func `the smallest picture is read`() throws {
        #expect(try read("one.png") == Image(width: 1, height: 1, fill: (10, 20, 30)))
    }

    @Test(arguments: [
        ("huge.png", "has 30000 x 30000 pixels, more than the"), ("cut.jpg", "is a damaged JPEG file"),
        ("text.jpg", "is neither a PNG, JPEG, WebP nor HEIC picture, but a text"), ("picture.gif", ", but a GIF"),
        ("picture.tiff", ", but a TIFF"), ("animation.webp", "an animation"), ("", "is a folder, not a picture"),
        ("absent.png", "cannot be read"),
    ])
    func `what is no picture is named`(_ name: String, _ expected: String) {
        #expect(problem(name).contains(expected), "\(problem(name))")
    }

    @Test(arguments: [
        "lossy.webp", "lossless.webp", "alpha.webp", "picture.heic", "exif-6.jpg", "exif-6.png", "cmyk.jpg",
    ])
    func `cut and changed files never crash`(_ name: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(Self.fixtures)/pictures/\(name)"))
        for length in 0..<data.count { _ = try? Image.decode(data.prefix(length), name: name) }
        for length in 0..<data.count / 2 {
            #expect(throws: Failure.self) { try Image.decode(data.prefix(length), name: name) }
        }
        var random = CounterRandom(seed: 4, domain: 80)
        for _ in 0..<500 {
            var changed = data
            for _ in 0..<3 {
                changed[Int.random(in: 0..<data.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            do { _ = try Image.decode(changed, name: name) } catch is Failure {}
        }
    }

    // MARK: Sheets

    private func sheet(_ cells: [Image], columns: Int, border: Int, colour: UInt8 = 0) -> Image {
        let side = cells[0].width, rows = (cells.count + columns - 1) / columns
        let (width, height) = (columns * (side + border) + border, rows * (side + border) + border)
        var pixels = [UInt8](repeating: colour, count: width * height * 3)
        for (k, cell) in cells.enumerated() {
            let (left, top) = (border + k % columns * (side + border), border + k / columns * (side + border))
            for y in 0..<side {
                let from = 3 * y * side, to = 3 * ((top + y) * width + left)
                pixels.replaceSubrange(to..<to + 3 * side, with: cell.pixels[from..<from + 3 * side])
            }
        }
        return Image(width: width, height: height, pixels: pixels)
    }

    @Test func `a sheet of faces is told from a face`() throws {
        let faces = try (0...1).map { try Image.read("\(Self.fixtures)/identity/chip\($0).png") }
        for face in faces {
            for side in [64, 150, 256] { #expect(face.resized(width: side, height: side).gridCells == nil) }
        }
        for (count, columns) in [(4, 2), (16, 4), (9, 3), (2, 2), (8, 4), (6, 3)] {
            let cells = (0..<count).map { faces[($0 + $0 / columns) % 2] }
            for (border, colour) in [(0, UInt8(0)), (2, 0), (4, 255)] {
                let found = sheet(cells, columns: columns, border: border, colour: colour).gridCells
                #expect(
                    found?.columns == columns && found?.rows == count / columns,
                    "\(count), \(border): \(String(describing: found))")
            }
        }
        // This program's own sheets, with labels.
        var grid = Grid([[faces[0], faces[1], faces[0]], [faces[1], faces[0], faces[1]]])
        grid.columnLabels = ["-1", "0", "1"]
        grid.rowLabels = ["seed 1", "seed 2"]
        #expect(try grid.rendered().gridCells != nil)
    }
}
