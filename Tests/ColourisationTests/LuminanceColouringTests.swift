import Images
import Testing

import Colourisation

struct LuminanceColouringTests {
    /// Every grey with 37 × 37 colours far beyond the gamut: the grey is kept, the hue is kept, and nothing is clipped.
    @Test func everyGreyIsKeptUnderEveryColour() {
        for film in FilmStock.allCases {
            let weights = film.weights
            let limit = 0.5 * (0..<3).map { weights[$0] }.max()! + 1e-3
            var worst: Float = 0
            for cb in stride(from: Float(-180), through: 180, by: 10) {
                var (grey, red) = ([Float](), [Float]())
                for cr in stride(from: Float(-180), through: 180, by: 10) {
                    for value in 0...255 {
                        grey.append(Float(value))
                        red.append(cr)
                    }
                }
                let (width, height) = (256, grey.count / 256)
                let plane = Plane(grey, width: width, height: height)
                let chroma = Chroma(
                    cb: Plane(filledWith: cb, width: width, height: height),
                    cr: Plane(red, width: width, height: height))
                let result = film.grey(of: plane.coloured(by: chroma, film: film))
                for i in grey.indices { worst = max(worst, abs(result.values[i] - grey[i])) }
            }
            #expect(worst <= limit, "\(film.rawValue)")
            #expect(worst <= 0.501, "\(film.rawValue)")
        }
    }

    /// All 8-bit colours on a lattice that holds the corners: their own grey and chroma make them again.
    @Test func coloursOfTheGamutComeBack() {
        let steps = Array(stride(from: 0, through: 255, by: 5)).map(UInt8.init)
        var pixels: [UInt8] = []
        for r in steps { for g in steps { for b in steps { pixels += [r, g, b] } } }
        let image = Image(width: steps.count * steps.count, height: steps.count, pixels: pixels)
        let again = FilmStock.panchromatic.grey(of: image).coloured(by: Chroma(of: image))
        let worst = zip(image.pixels, again.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(worst <= 1)
    }

    /// A colour that is too strong keeps its hue: the ratio of the colour differences stays.
    @Test func hueIsKeptWhereColoursAreTooStrong() {
        let grey = Plane(filledWith: 200, width: 1, height: 1)
        let strong = Chroma(
            cb: Plane(filledWith: -40, width: 1, height: 1), cr: Plane(filledWith: 120, width: 1, height: 1))
        let found = Chroma(of: grey.coloured(by: strong))
        #expect(found.cr.values[0] < 60)
        #expect(abs(found.cb.values[0] / found.cr.values[0] - (-40.0 / 120)) <= 0.03)
    }

    @Test func filmsGreyIsThePhotograph() {
        let grey = Plane(filledWith: 120, width: 4, height: 4)
        let red = Chroma(
            cb: Plane(filledWith: -20, width: 4, height: 4), cr: Plane(filledWith: 40, width: 4, height: 4))
        let coloured = grey.coloured(by: red, film: .orthochromatic)
        // Red was dark on that film, so the thing itself is lighter than its grey.
        #expect(FilmStock.panchromatic.grey(of: coloured).values[0] > 130)
        #expect(abs(FilmStock.orthochromatic.grey(of: coloured).values[0] - 120) <= 0.5)
    }

    @Test func tintedScansAreGreyAndColouredPicturesAreNot() {
        let ramp = Plane((0..<4096).map { Float($0 % 64 * 4) }, width: 64, height: 64)
        let sepia = Chroma(
            cb: ramp.map { -20 * (1 - abs($0 - 128) / 128) }, cr: ramp.map { 12 * (1 - abs($0 - 128) / 128) })
        #expect(TintRemoval.isGrey(ramp.coloured(by: sepia)))
        var colours = sepia
        for i in 0..<2048 { colours.cr.values[i] = -30 }
        #expect(!TintRemoval.isGrey(ramp.coloured(by: colours)))
        // Lips that are a little redder than skin as light: three in a hundred of the picture. Grain is no colour.
        let grain = (0..<4096).map { Float(($0 * 7919) % 7) - 3 }
        var lips = sepia
        for i in grain.indices {
            lips.cr.values[i] += grain[i]
            lips.cb.values[i] -= grain[i]
        }
        #expect(TintRemoval.isGrey(ramp.coloured(by: lips)))
        for y in 40..<48 { for x in 24..<40 { lips.cr.values[64 * y + x] += 14 } }
        #expect(!TintRemoval.isGrey(ramp.coloured(by: lips)))
    }

    @Test func aChangeOfATintedScanHasItsTint() throws {
        let ramp = Plane((0..<4096).map { Float($0 % 64 * 4) }, width: 64, height: 64)
        let sepia = Chroma(cb: ramp.map { -0.1 * $0 }, cr: ramp.map { 0.05 * $0 })
        let scan = ramp.coloured(by: sepia)
        let tint = try #require(LuminanceTint(of: scan))
        let photograph = ImageBatch([scan], side: 64)
        // A yellow square: only how light it is counts, and what is next to it stays to the bit.
        let inside = Set((24..<40).flatMap { y in (24..<40).map { y * 64 + $0 } })
        let change = ImageBatch(
            (0..<3 * 4096).map { inside.contains($0 % 4096) ? [0.4, 0.3, -0.5][$0 / 4096] : 0 }, side: 64)
        let found = tint.tinted(change, of: photograph)
        #expect((0..<3 * 4096).allSatisfy { inside.contains($0 % 4096) || found.planes[$0] == 0 })
        let (wanted, luma) = ((photograph + change).luma().planes, (photograph + found).luma().planes)
        let chroma = Chroma(of: photograph + found)
        for i in inside {
            #expect(abs(luma[i] - wanted[i]) < 1e-4)
            let grey = 127.5 * (wanted[i] + 1)
            #expect(abs(chroma.cb.values[i] + 0.1 * grey) < 1.5 && abs(chroma.cr.values[i] - 0.05 * grey) < 1.5)
        }
        // Neutral greys stay neutral.
        let neutral = try #require(LuminanceTint(of: ramp.greyImage))
        let plain = neutral.tinted(change, of: ImageBatch([ramp.greyImage], side: 64)).planes
        #expect((4096..<3 * 4096).allSatisfy { abs(plain[$0] - plain[$0 % 4096]) < 1e-5 })
    }
}
