import Core
import Foundation
import Images
import Inversion
import Testing

/// Edits of drawn pictures carried over to others: what must stay stays to the bit, what moved takes its detail along.
@Suite struct EditTransferTests {
    private static let side = 128

    /// A disc with soft spots on a slope of grey, with stripes on it where it is a photograph rather than its smooth
    /// reconstruction.
    private static func picture(x: Float = 64, y: Float = 60, radius: Float = 22, hasDetail: Bool) -> ImageBatch {
        var planes = [Float](repeating: 0, count: 3 * side * side)
        for channel in 0..<3 {
            for row in 0..<side {
                for column in 0..<side {
                    let (dx, dy) = (Float(column) - x, Float(row) - y)
                    let inside = 1 / (1 + expf((dx * dx + dy * dy).squareRoot() - radius))
                    let stripes = hasDetail ? 0.12 * sinf(1.3 * dx + 0.4 * dy) : 0
                    let spots = 0.2 * sinf(0.4 * dx) * sinf(0.4 * dy)
                    let ground = -0.6 + 0.3 * Float(row) / Float(side) + (hasDetail ? 0.05 * sinf(Float(column)) : 0)
                    planes[(channel * side + row) * side + column] =
                        ground * (1 - inside) + inside * (0.4 - 0.15 * Float(channel) + spots + stripes)
                }
            }
        }
        return ImageBatch(planes, side: side)
    }

    private static func error(_ a: ImageBatch, _ b: ImageBatch) -> Double {
        zip(a.planes, b.planes).reduce(0.0) { $0 + Double(abs($1.0 - $1.1)) } / Double(a.planes.count)
    }

    private static func sum(_ picture: ImageBatch, _ change: ImageBatch) -> ImageBatch {
        ImageBatch(zip(picture.planes, change.planes).map { $0 + $1 }, side: picture.side)
    }

    @Test func noEditIsNoChangeToTheBit() throws {
        let (photograph, face) = (Self.picture(hasDetail: true), Self.picture(hasDetail: false))
        let transfer = try EditTransfer(photograph: photograph, reconstruction: face)
        #expect(try transfer.change(to: face).planes.allSatisfy { $0 == 0 })
    }

    @Test func thePhotographStaysWhereTheEditChangedNothing() throws {
        let (photograph, face) = (Self.picture(hasDetail: true), Self.picture(hasDetail: false))
        var edited = face
        // A mark on the disc.
        for channel in 0..<3 {
            for row in 50..<58 { for column in 60..<68 { edited.planes[(channel * 128 + row) * 128 + column] = -0.9 } }
        }
        let change = try EditTransfer(photograph: photograph, reconstruction: face).change(to: edited)
        for row in 0..<128 {
            for column in 0..<128 where hypot(Double(row) - 54, Double(column) - 64) > 24 {
                #expect(change.planes[row * 128 + column] == 0, "\(row) \(column)")
            }
        }
        let middle = 54 * 128 + 64
        #expect(photograph.planes[middle] + change.planes[middle] < -0.5)
    }

    @Test func whatLiesBehindThePersonStays() throws {
        let (photograph, face) = (Self.picture(hasDetail: true), Self.picture(hasDetail: false))
        var edited = face
        // A stain in the corner, and a mark on the disc.
        for channel in 0..<3 {
            for row in 4..<24 { for column in 4..<24 { edited.planes[(channel * 128 + row) * 128 + column] += 0.5 } }
            for row in 50..<58 { for column in 60..<68 { edited.planes[(channel * 128 + row) * 128 + column] = -0.9 } }
        }
        let (corner, middle) = (14 * 128 + 14, 54 * 128 + 64)
        let disc: EditTransfer.Segmenter = { picture in
            ImageBatch(
                (0..<64 * 64).map { hypotf(Float($0 % 64) - 31.5, Float($0 / 64) - 29.5) < 11 ? 1 : 0 }, side: 64,
                channels: 1)
        }
        let change = try EditTransfer(photograph: photograph, reconstruction: face, segmenter: disc).change(to: edited)
        #expect(abs(change.planes[corner]) < 0.02 && photograph.planes[middle] + change.planes[middle] < -0.5)
        // Without it, and in a preview, which does not look so closely, the stain comes along.
        for (registration, segmenter) in [(Registration.exact, nil), (.quick, disc)] {
            let other = try EditTransfer(
                photograph: photograph, reconstruction: face, registration: registration, segmenter: segmenter)
            #expect(try other.change(to: edited).planes[corner] > 0.3)
        }
    }

    @Test func detailGoesAlongWithWhatMoved() throws {
        let (photograph, face) = (Self.picture(hasDetail: true), Self.picture(hasDetail: false))
        let transfer = try EditTransfer(photograph: photograph, reconstruction: face)
        let result = Self.sum(photograph, try transfer.change(to: Self.picture(x: 68, y: 58, hasDetail: false)))
        let wanted = Self.picture(x: 68, y: 58, hasDetail: true)
        // The difference left where it was would show the stripes at the wrong place: worse than none at all.
        var left = Self.picture(x: 68, y: 58, hasDetail: false)
        for i in left.planes.indices { left.planes[i] += photograph.planes[i] - face.planes[i] }
        let (moved, unmoved) = (Self.error(result, wanted), Self.error(left, wanted))
        #expect(moved < 0.6 * unmoved, "\(moved), \(unmoved)")
    }

    @Test func aReconstructionBesideThePlaceIsPutThereFirst() throws {
        let photograph = Self.picture(hasDetail: true)
        let (beside, moved) = (Self.picture(x: 66, hasDetail: false), Self.picture(x: 66, radius: 28, hasDetail: false))
        let result = Self.sum(
            photograph, try EditTransfer(photograph: photograph, reconstruction: beside).change(to: moved))
        // A larger disc around the photograph's place, not around the reconstruction's, and no rim of the old one left.
        let wanted = Self.picture(radius: 28, hasDetail: false)
        let elsewhere = Self.picture(x: 68, radius: 28, hasDetail: false)
        #expect(Self.error(result, wanted) < Self.error(result, elsewhere))
        #expect(Self.error(result, wanted) < 0.06, "\(Self.error(result, wanted))")
    }

    @Test func smallEditsAreSmallChanges() throws {
        let (photograph, face) = (Self.picture(hasDetail: true), Self.picture(hasDetail: false))
        let transfer = try EditTransfer(photograph: photograph, reconstruction: face)
        // Films need it: the picture does not jump as the strength grows.
        var last: ImageBatch?
        for step in 0...10 {
            let change = try transfer.change(to: Self.picture(x: 64 + 0.4 * Float(step), hasDetail: false))
            if let last { #expect(Self.error(change, last) < 0.03, "\(step): \(Self.error(change, last))") }
            last = change
        }
    }

    /// The disc made darker.
    private static func darker(_ face: ImageBatch, by step: Float) -> ImageBatch {
        var result = face
        for i in result.planes.indices {
            let (row, column) = (i % (side * side) / side, i % side)
            let reach = hypotf(Float(column) - 64, Float(row) - 60)
            result.planes[i] -= step / (1 + expf(reach - 22))
        }
        return result
    }

    @Test func anotherShadeKeepsThePhotographsDetail() throws {
        let (photograph, face) = (Self.picture(hasDetail: true), Self.picture(hasDetail: false))
        let change = try EditTransfer(photograph: photograph, reconstruction: face).change(
            to: Self.darker(face, by: 0.3))
        let wanted = zip(Self.darker(face, by: 0.3).planes, face.planes).map { $0 - $1 }
        // Stripes that were lost would be 0.08 in the mean.
        var sum: Float = 0
        for i in 0..<400 {
            let at = (50 + i / 20) * 128 + 54 + i % 20
            sum += abs(change.planes[at] - wanted[at])
        }
        #expect(sum / 400 < 0.03, "\(sum / 400)")
    }

    @Test func whatTheReconstructionDoesNotShowStays() throws {
        var photograph = Self.picture(hasDetail: true)
        let face = Self.picture(hasDetail: false)
        // A wall before the disc's right side, where its reconstruction goes on.
        for i in photograph.planes.indices where i % 128 >= 76 { photograph.planes[i] = 0.95 }
        let change = try EditTransfer(photograph: photograph, reconstruction: face).change(
            to: Self.darker(face, by: 0.3))
        for row in 45..<75 {
            for column in 80..<90 { #expect(abs(change.planes[row * 128 + column]) < 0.02, "\(row) \(column)") }
            // Nor does the wall's light fall on what is beside it.
            #expect(abs(change.planes[row * 128 + 60] - (-0.3)) < 0.12, "\(row): \(change.planes[row * 128 + 60])")
        }
    }
}
