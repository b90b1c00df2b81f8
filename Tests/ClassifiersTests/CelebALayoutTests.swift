import Classifiers
import Core
import Faces
import Foundation
import Images
import Testing

/// Folders of CelebA and CelebA-HQ as people have them, and tables as their programs write them.
@Suite struct CelebALayoutTests {
    private func move(_ folder: TinyCelebA, _ name: String, to place: String) throws {
        let target = "\(folder.path)/\(place)"
        try AtomicFile.makeFolder((target as NSString).deletingLastPathComponent)
        try FileManager.default.moveItem(atPath: "\(folder.path)/\(name)", toPath: target)
    }

    /// Rewrites the label file of a folder from its cells, header first.
    private func rewrite(
        _ folder: TinyCelebA, to name: String = "list_attr_celeba.csv", _ line: ([String], Int) -> String
    ) throws {
        let path = "\(folder.path)/list_attr_celeba.txt"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropFirst()
        let text = lines.enumerated().map { line($1.split(separator: " ").map(String.init), $0) }.joined(
            separator: "\n")
        try FileManager.default.removeItem(atPath: path)
        try AtomicFile.write(text + "\n", to: "\(folder.path)/\(name)")
    }

    private func check(_ path: String, count: Int = 20, _ comment: Comment? = nil) throws {
        let folder = try CelebAFolder(path)
        #expect(folder.rows.count == count && folder.attributes.count == 40, comment)
        for row in folder.rows {
            let number = try #require(Int(row.name.prefix(6)))
            #expect(
                row.labels[31] == (number % 2 == 1 ? 1 : 0) && row.labels[20] == ((number - 1) % 3 == 0 ? 1 : 0),
                comment)
        }
        let faces = try FaceSet(folder, folder.rows, frame: .celeba, size: 32)
        #expect(faces.images.count == count, comment)
    }

    @Test(arguments: [
        "img_align_celeba", "Img/img_align_celeba", "Img/img_align_celeba_png", "img_align_celeba_png", "images",
        "CelebA-HQ-img", "CelebAMask-HQ/CelebA-HQ-img", "data/celeba/align/pictures",
    ])
    func `pictures are found wherever they lie`(_ place: String) throws {
        let tiny = try TinyCelebA(count: 20)
        if place != "img_align_celeba" { try move(tiny, "img_align_celeba", to: place) }
        if place.hasSuffix("png") {
            for number in 1...20 {
                let old = "\(tiny.path)/\(place)/" + String(format: "%06d", number)
                try Image.read(old + ".jpg").write(to: old + ".png")
                try FileManager.default.removeItem(atPath: old + ".jpg")
            }
        }
        try check(tiny.path)
    }

    @Test func `the published folders Anno, Eval and Img are read`() throws {
        let tiny = try TinyCelebA(count: 20)
        try move(tiny, "list_attr_celeba.txt", to: "Anno/list_attr_celeba.txt")
        try move(tiny, "list_eval_partition.txt", to: "Eval/list_eval_partition.txt")
        try move(tiny, "img_align_celeba", to: "Img/img_align_celeba")
        try AtomicFile.write("20\nlefteye_x lefteye_y\n", to: tiny.path + "/Anno/list_landmarks_align_celeba.txt")
        try check(tiny.path)
        #expect(try CelebAFolder(tiny.path).note == nil)
    }

    @Test func `pictures in folders of a thousand, and behind a link, are found`() throws {
        let tiny = try TinyCelebA(count: 20)
        try move(tiny, "img_align_celeba", to: "elsewhere/all")
        for number in 1...20 {
            let name = String(format: "%06d.jpg", number)
            try move(
                tiny, "elsewhere/all/\(name)",
                to: "elsewhere/images/\(String(format: "%05d", number / 10 * 1000))/\(name)")
        }
        let other = NSTemporaryDirectory() + "faces-\(UUID().uuidString)"
        try FileManager.default.moveItem(atPath: tiny.path + "/elsewhere", toPath: other)
        defer { try? FileManager.default.removeItem(atPath: other) }
        try FileManager.default.createSymbolicLink(atPath: tiny.path + "/img_align_celeba", withDestinationPath: other)
        try check(tiny.path)
    }

    @Test func `the first pictures alone are split anew, and it is said`() throws {
        let tiny = try TinyCelebA(count: 40)
        for number in 21...40 { try FileManager.default.removeItem(atPath: tiny.image(number)) }
        let folder = try CelebAFolder(tiny.path)
        #expect(folder.rows.count == 20)
        #expect(folder.rows(.train).count == 16 && folder.rows(.validation).count == 2 && folder.rows(.test).count == 2)
        #expect(folder.note?.contains("validation and test part has none of its pictures here") == true)
        // Pictures that are missing here and there are not: they are counted when they are read.
        let other = try TinyCelebA(count: 40)
        for number in [1, 30, 39] { try FileManager.default.removeItem(atPath: other.image(number)) }
        let whole = try CelebAFolder(other.path)
        #expect(whole.rows.count == 40 && whole.note == nil)
    }

    @Test func `a folder without a partition is split`() throws {
        let tiny = try TinyCelebA(count: 20)
        try FileManager.default.removeItem(atPath: tiny.path + "/list_eval_partition.txt")
        let folder = try CelebAFolder(tiny.path)
        #expect(folder.rows(.train).count == 16 && folder.rows(.test).count == 2)
        #expect(folder.note?.contains("there is no partition") == true)
    }

    @Test func `CelebA-HQ's own folder with its attribute file is read`() throws {
        let tiny = try TinyCelebA(count: 20)
        try FileManager.default.removeItem(atPath: tiny.path + "/list_eval_partition.txt")
        try move(tiny, "img_align_celeba", to: "CelebA-HQ-img")
        for number in 1...20 {
            try move(tiny, "CelebA-HQ-img/" + String(format: "%06d.jpg", number), to: "CelebA-HQ-img/\(number - 1).jpg")
        }
        let path = tiny.path + "/list_attr_celeba.txt"
        var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
        for k in 2..<lines.count { lines[k] = "\(k - 2).jpg  " + lines[k].dropFirst(11) }
        lines[1] += " "
        try FileManager.default.removeItem(atPath: path)
        try AtomicFile.write(lines.joined(separator: "\n") + "\n", to: tiny.path + "/CelebAMask-HQ-attribute-anno.txt")
        let folder = try CelebAFolder(tiny.path)
        #expect(folder.rows.count == 20 && folder.rows[1].name == "1.jpg" && folder.rows[0].labels[31] == 1)
        #expect(try FaceSet(folder, folder.rows, frame: .celeba, size: 32).images.count == 20)
    }

    @Test func `tables of spreadsheets and statistics programs are read`() throws {
        let forms: [(String, ([String], Int) -> String)] = [
            ("mark, commas", { cells, k in (k == 0 ? "\u{FEFF}image_id," : "") + cells.joined(separator: ",") + "\r" }),
            (
                "mark, semicolons",
                { cells, k in (k == 0 ? "\u{FEFF}image_id;" : "") + cells.joined(separator: ";") + "\r" }
            ),
            ("tabs", { cells, k in (k == 0 ? "filename\t" : "") + cells.joined(separator: "\t") }),
            (
                "R's write.csv",
                { cells, k in
                    let named = (k == 0 ? ["", "image_id"] : ["\(k)"]) + cells
                    return named.enumerated().map { k == 0 || $0 < 2 ? "\"\($1)\"" : $1 }.joined(separator: ",")
                }
            ),
            (
                "R's write.table",
                { cells, k in
                    let named = (k == 0 ? ["image_id"] : ["\(k)"]) + cells
                    return named.enumerated().map { k == 0 || $0 < 2 ? "\"\($1)\"" : $1 }.joined(separator: " ")
                }
            ),
            (
                "pandas, numbered",
                { cells, k in ((k == 0 ? ["", "image_id"] : ["\(k - 1)"]) + cells).joined(separator: ",") }
            ),
            ("pandas, named", { cells, k in ((k == 0 ? [""] : []) + cells).joined(separator: ",") }),
            (
                "pandas, truth values",
                { cells, k in
                    let values = cells.map { k == 0 ? $0 : ["1": "True", "-1": "False"][$0] ?? $0 }
                    return ((k == 0 ? ["image_id"] : []) + values).joined(separator: ",")
                }
            ),
            (
                "0 and 1 with points",
                { cells, k in
                    let values = cells.map { k == 0 ? $0 : ["1": "1.0", "-1": "0.0"][$0] ?? $0 }
                    return ((k == 0 ? ["image_id"] : []) + values).joined(separator: ",")
                }
            ),
        ]
        for (name, line) in forms {
            let tiny = try TinyCelebA(count: 20)
            try rewrite(tiny, line)
            try check(tiny.path, "\(name)")
        }
    }

    @Test func `some attributes, own columns and a part in the table`() throws {
        let tiny = try TinyCelebA(count: 20)
        try FileManager.default.removeItem(atPath: tiny.path + "/list_eval_partition.txt")
        // Smiling and Male of the forty, and columns of one's own: glasses' colour as a number, a beard, the part.
        try rewrite(tiny, to: "my labels.csv") { cells, k in
            k == 0
                ? "file,Smiling,has_braces,male,head_width,split"
                : "\(cells[0]),\(cells[32]),\(k % 4 == 0 ? 1 : 0),\(cells[21]),\(Float(k) / 2),\(k > 15 ? "test" : k > 12 ? "val" : "train")"
        }
        let folder = try CelebAFolder(tiny.path)
        #expect(folder.attributes.map(\.slug) == ["smiling", "has_braces", "male"])
        #expect(folder.rows(.train).count == 12 && folder.rows(.validation).count == 3 && folder.rows(.test).count == 5)
        #expect(
            folder.rows[0].labels == [1, 0, 1] && folder.rows[1].labels == [0, 0, 0]
                && folder.rows[3].labels == [0, 1, 1])
        #expect(folder.note == "the column head_width holds numbers, not answers, and is not learnt")
        #expect(folder.table.columns.map(\.name) == ["Smiling", "has_braces", "male", "head_width"])
        #expect(folder.table.columns[1].isBinary && !folder.table.columns[3].isBinary)
        #expect(folder.table.columns[3].values[4] == 2.5)
    }

    @Test func `pictures without an answer are left out, and it is said`() throws {
        let tiny = try TinyCelebA(count: 20)
        try rewrite(tiny) { cells, k in
            var cells = cells
            if k == 3 { cells[5] = "" }
            if k == 7 { cells[9] = "NA" }
            return ((k == 0 ? ["image_id"] : []) + cells).joined(separator: ",")
        }
        let folder = try CelebAFolder(tiny.path)
        #expect(folder.rows.count == 18 && folder.note == "2 pictures without an answer in every column are left out")
    }

    @Test(arguments: ["2", "maybe", "1e400", "--1"]) func `what is no answer names its line and column`(_ value: String)
        throws
    {
        let tiny = try TinyCelebA(count: 6)
        try rewrite(tiny) { cells, k in
            var cells = cells
            if k == 3 { cells[32] = value }
            return ((k == 0 ? ["image_id"] : []) + cells).joined(separator: ",")
        }
        let failure = #expect(throws: Failure.self) { try CelebAFolder(tiny.path) }
        #expect(failure?.problem.contains("line 4") == true && failure?.problem.contains("Smiling") == true)
    }
}
