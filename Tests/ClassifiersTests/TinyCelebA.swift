import Core
import Foundation
import Images

/// A folder in CelebA's layout with a few made-up pictures: a disc on a ground.
///
/// Smiling is a light disc, Male a blue ground, Eyeglasses two dark spots; the other labels are random.
final class TinyCelebA {
    let path: String

    enum Style {
        case original
        case kaggle
    }

    init(count: Int = 60, style: Style = .original, width: Int = 44, height: Int = 54) throws {
        path = NSTemporaryDirectory() + "celeba-\(UInt64.random(in: 0 ... .max))"
        let images = style == .original ? "\(path)/img_align_celeba" : "\(path)/img_align_celeba/img_align_celeba"
        try AtomicFile.makeFolder(images)
        var random = CounterRandom(seed: 5, domain: 0x900)
        var labels = style == .original ? "\(count)\n" : "image_id,"
        labels += Attribute.celebA.map(\.name).joined(separator: style == .original ? " " : ",") + "\n"
        var parts = style == .original ? "" : "image_id,partition\n"
        let separator = style == .original ? " " : ","
        for index in 0..<count {
            let name = String(format: "%06d.jpg", index + 1)
            var row = (0..<40).map { _ in random.next() % 3 == 0 }
            row[31] = index % 2 == 0
            row[20] = index % 3 == 0
            row[15] = index % 5 == 0
            try TinyCelebA.picture(width, height, smiling: row[31], male: row[20], glasses: row[15], &random)
                .write(to: "\(images)/\(name)")
            labels += name + separator + row.map { $0 ? "1" : "-1" }.joined(separator: separator) + "\n"
            let part = index < count * 6 / 10 ? 0 : index < count * 8 / 10 ? 1 : 2
            parts += "\(name)\(separator)\(part)\n"
        }
        let ending = style == .original ? "txt" : "csv"
        try AtomicFile.write(labels, to: "\(path)/list_attr_celeba.\(ending)")
        try AtomicFile.write(parts, to: "\(path)/list_eval_partition.\(ending)")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of picture `number`, from 1, in the original layout.
    func image(_ number: Int) -> String { "\(path)/img_align_celeba/" + String(format: "%06d.jpg", number) }

    /// Replaces text in a file of the folder.
    func edit(_ name: String, _ old: String, _ new: String) throws {
        let text = try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
        try AtomicFile.write(text.replacingOccurrences(of: old, with: new), to: "\(path)/\(name)")
    }

    private static func picture(
        _ width: Int, _ height: Int, smiling: Bool, male: Bool, glasses: Bool, _ random: inout CounterRandom
    ) -> Image {
        let shade = UInt8(random.next() % 40)
        var image = Image(
            width: width, height: height, fill: male ? (shade, shade, 160 + shade) : (160 + shade, shade, shade))
        let face: UInt8 = smiling ? 230 : 110
        for y in 0..<height {
            for x in 0..<width {
                let dx = Double(x) / Double(width) - 0.5
                let dy = Double(y) / Double(height) - 0.53
                guard dx * dx + dy * dy < 0.08 else { continue }
                let dark = glasses && abs(abs(dx) - 0.11) < 0.07 && abs(dy + 0.05) < 0.06
                for c in 0..<3 { image.pixels[3 * (y * width + x) + c] = dark ? 10 : face }
            }
        }
        return image
    }
}
