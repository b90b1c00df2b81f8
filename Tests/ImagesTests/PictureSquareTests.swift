import Foundation
import Images
import Testing

struct PictureSquareTests {
    private let square = PictureSquare(x: 70, y: 60, halfX: 28, halfY: 11)

    private static func picture() -> Image {
        var image = Image(width: 150, height: 120, fill: (0, 0, 0))
        for y in 0..<120 {
            for x in 0..<150 {
                let at = 3 * (y * 150 + x)
                image.pixels[at] = UInt8(x + 40)
                image.pixels[at + 1] = UInt8(2 * y)
                image.pixels[at + 2] = UInt8((x * y) % 251)
            }
        }
        return image
    }

    @Test func placesAndPointsAreEachOthersWayBack() {
        for (u, v) in [(0.0, 0.0), (1, 0), (0.3, 0.8), (0.5, 0.5)] {
            let point = square.point(u: u, v: v)
            let place = square.place(x: point.x, y: point.y)
            #expect(abs(place.u - u) < 1e-12 && abs(place.v - v) < 1e-12)
        }
        #expect(abs(square.side - 2 * (28.0 * 28 + 11 * 11).squareRoot()) < 1e-12)
    }

    @Test func anUprightSquareAtWholePixelsIsTheCrop() {
        let picture = Self.picture()
        let square = PictureSquare(x: 50, y: 40, halfX: 16, halfY: 0)
        #expect(picture.sampled(square, size: 32) == picture.cropped(x: 34, y: 24, width: 32, height: 32))
    }

    @Test func nothingChangedIsThePictureItself() {
        let picture = Self.picture()
        let crop = picture.sampled(square, size: 64)
        #expect(picture.pasting(crop, over: crop, at: square) == picture)
    }

    @Test func aChangeLandsWhereItWasMadeAndNowhereElse() {
        let picture = Self.picture()
        let crop = picture.sampled(square, size: 64)
        var changed = crop
        for y in 28..<36 { for x in 28..<36 { changed.pixels[3 * (y * 64 + x)] = 255 } }
        let pasted = picture.pasting(changed, over: crop, at: square)
        let middle = 3 * (60 * 150 + 70)
        #expect(pasted.pixels[middle] > 250)
        for y in 0..<120 {
            for x in 0..<150 {
                let place = square.place(x: Double(x) + 0.5, y: Double(y) + 0.5)
                let isFar = abs(place.u - 0.5) > 0.12 || abs(place.v - 0.5) > 0.12
                let at = 3 * (y * 150 + x)
                if isFar { #expect(pasted.pixels[at..<at + 3] == picture.pixels[at..<at + 3]) }
            }
        }
    }

    @Test func aSquareBeyondTheRimGoesOnMirroredAndFades() {
        let picture = Self.picture()
        let beyond = picture.sampled(PictureSquare(x: 4, y: 60, halfX: 40, halfY: 0), size: 80)
        // Just beyond the rim the picture is mirrored, so no jump is seen there.
        let at = 3 * (40 * 80 + 36)
        #expect(abs(Int(beyond.pixels[at]) - Int(beyond.pixels[at - 3])) < 6)
    }
}
