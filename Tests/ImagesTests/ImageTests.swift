import Core
import Foundation
import Images
import Testing

@Suite struct ImageTests {
    /// A picture whose every pixel differs.
    static func ramp(_ width: Int, _ height: Int) -> Image {
        var pixels: [UInt8] = []
        for i in 0..<width * height {
            pixels.append(UInt8(i % width * 255 / max(width - 1, 1)))
            pixels.append(UInt8(i / width * 255 / max(height - 1, 1)))
            pixels.append(UInt8((i * 7) & 255))
        }
        return Image(width: width, height: height, pixels: pixels)
    }

    @Test func pngKeepsEveryPixel() throws {
        let image = ImageTests.ramp(37, 23)
        #expect(try Image.decode(image.encodedPNG(), name: "x") == image)
    }

    @Test func webpKeepsEveryPixel() throws {
        let image = ImageTests.ramp(37, 23)
        #expect(try Image.decode(image.encodedWebP(), name: "x") == image)
        #expect(throws: Failure.self) { try Image(width: 16_384, height: 1, fill: (0, 0, 0)).encodedWebP() }
    }

    @Test func aFileNameOfNoFormatIsRefused() throws {
        let image = ImageTests.ramp(3, 2)
        for name in ["x.gif", "x.mp4", "x.tiff", "x.bmp", "x", ".png"] {
            #expect(throws: Failure.self, "\(name)") { try image.write(to: NSTemporaryDirectory() + name) }
        }
        #expect(
            try ["a.PNG", "a.jpg", "a.jpeg", "a.webp"].map { try ImageFormat(path: $0) } == [.png, .jpeg, .jpeg, .webp])
    }

    @Test func aGridWithoutLabelsIsItsPictures() throws {
        let image = ImageTests.ramp(20, 20)
        let grid = Grid([[image]], columnLabels: ["a"], rowLabels: ["b"])
        #expect(try grid.rendered().width > 20)
        #expect(try grid.unlabelled.rendered() == image)
    }

    @Test func jpegStaysClose() throws {
        let flat = Image(width: 40, height: 24, fill: (200, 40, 90))
        let back = try Image.decode(flat.encodedJPEG(quality: 95), name: "x")
        #expect(back.width == 40 && back.height == 24)
        #expect(zip(back.pixels, flat.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 3 })
    }

    @Test func everyTruncationIsAnError() throws {
        let image = ImageTests.ramp(24, 24)
        for data in [try image.encodedPNG(), try image.encodedJPEG()] {
            for length in stride(from: 0, to: data.count - 16, by: 7) {
                #expect(throws: Failure.self) { try Image.decode(data.prefix(length), name: "cut") }
            }
        }
    }

    @Test func anotherKindOfFileIsNamed() {
        #expect {
            try Image.decode(Data("GIF89a".utf8), name: "cat.gif")
        } throws: { "\($0)".hasPrefix("cat.gif: is neither") }
    }

    @Test func shrinkingAverages() {
        let image = Image(width: 4, height: 2, pixels: (0..<8).flatMap { [UInt8($0 * 10), 0, 255] })
        let small = image.resized(width: 2, height: 1)
        #expect(small.pixels == [25, 0, 255, 45, 0, 255])
    }

    @Test func shrinkingByAFractionKeepsTheMean() {
        let image = ImageTests.ramp(80, 80)
        let small = image.resized(width: 48, height: 48)
        func mean(_ image: Image) -> Double { image.pixels.reduce(0) { $0 + Double($1) } / Double(image.pixels.count) }
        #expect(abs(mean(image) - mean(small)) < 0.6)
    }

    @Test func gradientsOfAveragesAreTheTransposedMap() {
        // ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for an average over fractions of pixels, of two planes.
        let x = (0..<2 * 64).map { (i: Int) -> Float in Float(i * 37 % 19) - 9 }
        let y = (0..<2 * 25).map { (i: Int) -> Float in Float(i * 23 % 17) - 8 }
        func product(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let forward = product(AreaResampling.resize(x, from: 8, to: 5), y)
        let back = product(x, AreaResampling.backward(y, from: 8, to: 5))
        #expect(abs(forward) > 10 && abs(forward - back) < 1e-3, "\(forward), \(back)")
    }

    @Test func growingAFlatPictureKeepsIt() {
        let image = Image(width: 3, height: 3, fill: (9, 200, 31)).resized(width: 17, height: 11)
        #expect(image == Image(width: 17, height: 11, fill: (9, 200, 31)))
    }

    @Test func croppingRepeatsTheEdge() {
        let image = ImageTests.ramp(4, 4)
        let crop = image.cropped(x: -1, y: 0, width: 3, height: 1)
        #expect(Array(crop.pixels[0..<3]) == Array(image.pixels[0..<3]))
        #expect(Array(crop.pixels[3..<9]) == Array(image.pixels[0..<6]))
    }

    @Test func planesRoundTrip() {
        let image = ImageTests.ramp(8, 8)
        let planes = image.planes()
        #expect(planes.withUnsafeBufferPointer { Image(planes: $0, width: 8, height: 8) } == image)
        #expect(ImageBatch(planes + planes, side: 8).images == [image, image])
    }

    @Test func gridsHoldTheirPicturesAndLabels() throws {
        let face = ImageTests.ramp(120, 120)
        let plain = try Grid([face, face, face], columns: 2).rendered()
        #expect(plain.width == 4 + 2 * 124 && plain.height == 4 + 2 * 124)
        #expect(plain.cropped(x: 4, y: 4, width: 120, height: 120) == face)
        let labelled = try Grid([[face]], columnLabels: ["Bald"], rowLabels: ["+2"], captions: [["0.93"]]).rendered()
        #expect(labelled.width > 128 && labelled.height > 140)
        #expect(labelled.pixels.contains(32))
        #expect(throws: Failure.self) { try Grid([]).rendered() }
    }
}
