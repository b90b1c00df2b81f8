import Classifiers
import Core
import Faces
import Foundation
import Images
import Testing

@Suite struct CelebATests {
    @Test(arguments: [TinyCelebA.Style.original, .kaggle]) func bothEditionsAreRead(style: TinyCelebA.Style) throws {
        let tiny = try TinyCelebA(count: 20, style: style)
        let folder = try CelebAFolder(tiny.path)
        #expect(folder.rows.count == 20)
        #expect(folder.rows(.train).count == 12 && folder.rows(.validation).count == 4 && folder.rows(.test).count == 4)
        #expect(folder.rows[0].labels[31] == 1 && folder.rows[1].labels[31] == 0)
        let faces = try FaceSet(folder, folder.rows(.train), frame: .celeba, size: 32)
        #expect(faces.images.count == 12 && faces.skipped.isEmpty)
    }

    @Test func otherColumnsThanCelebAsKeepTheirOrder() throws {
        let tiny = try TinyCelebA(count: 4)
        #expect(try CelebAFolder(tiny.path).attributes == Attribute.celebA)
        try tiny.edit("list_attr_celeba.txt", "Eyeglasses", "Age_Over_40")
        let folder = try CelebAFolder(tiny.path)
        #expect(folder.attributes[15].slug == "age_over_40" && folder.attributes.count == 40)
        #expect(folder.rows[0].labels[31] == 1 && folder.rows[1].labels[31] == 0)
        let failure = #expect(throws: Failure.self) { try Attribute.list("age_over_4", among: folder.attributes) }
        #expect(failure?.kind == .usage && failure?.advice.contains("age_over_40") == true)
    }

    @Test(arguments: ["logits", "a.b", "Smiling", String(repeating: "x", count: 65)])
    func columnsThatCanBeNoAttributeAreRefused(name: String) throws {
        let tiny = try TinyCelebA(count: 4)
        try tiny.edit("list_attr_celeba.txt", "Eyeglasses", name)
        let failure = #expect(throws: Failure.self) { try CelebAFolder(tiny.path) }
        #expect(failure?.subject.contains("list_attr_celeba.txt") == true)
    }

    @Test func damagedListsNameTheirLine() throws {
        let short = try TinyCelebA(count: 4)
        try short.edit("list_attr_celeba.txt", "000003.jpg 1", "000003.jpg")
        try short.edit("list_attr_celeba.txt", "000003.jpg -1", "000003.jpg")
        #expect(throws: Failure.self) { try CelebAFolder(short.path) }
        let odd = try TinyCelebA(count: 4)
        try odd.edit("list_eval_partition.txt", "000002.jpg 0", "000002.jpg 7")
        let failure = #expect(throws: Failure.self) { try CelebAFolder(odd.path) }
        #expect(failure?.problem.contains("line 2") == true)
        let unlisted = try TinyCelebA(count: 4)
        try unlisted.edit("list_eval_partition.txt", "000002.jpg 0\n", "")
        #expect(throws: Failure.self) { try CelebAFolder(unlisted.path) }
        let outside = try TinyCelebA(count: 4)
        try outside.edit("list_attr_celeba.txt", "000002.jpg", "../../etc/passwd")
        #expect(throws: Failure.self) { try CelebAFolder(outside.path) }
    }

    @Test func anEmptyOrMissingFolderSaysWhatIsExpected() throws {
        let failure = #expect(throws: Failure.self) { try CelebAFolder("/nonexistent/celeba") }
        #expect(failure?.advice.contains("list_attr_celeba.txt") == true)
        #expect(throws: Failure.self) { try CelebAFolder(NSTemporaryDirectory()) }
    }

    @Test func badPicturesAreCountedAndLeftOut() throws {
        let tiny = try TinyCelebA(count: 20)
        try FileManager.default.removeItem(atPath: tiny.image(1))
        try AtomicFile.write(Data(), to: tiny.image(2))
        let whole = try AtomicFile.read(tiny.image(3))
        try AtomicFile.write(whole.prefix(whole.count / 3), to: tiny.image(3))
        try AtomicFile.write("not a picture", to: tiny.image(4))
        let folder = try CelebAFolder(tiny.path)
        let faces = try FaceSet(folder, folder.rows(.train), frame: .celeba, size: 32)
        #expect(faces.skipped.count == 4)
        #expect(faces.skipped.map(\.subject) == (1...4).map(tiny.image))
        #expect(faces.rows.count == 8 && faces.rows[0].name == "000005.jpg")
    }

    @Test func noPictureAtAllIsAFailure() throws {
        let tiny = try TinyCelebA(count: 10)
        try FileManager.default.removeItem(atPath: "\(tiny.path)/img_align_celeba")
        let folder = try CelebAFolder(tiny.path)
        #expect(throws: Failure.self) { try FaceSet(folder, folder.rows, frame: .celeba, size: 32) }
    }

    /// The numbers that the data set's description derives: x 9…169, y 35…195 of 178×218.
    @Test func theWindowIsFFHQsFrame() {
        let window = FaceFrame.celeba.wholeWindow(width: 178, height: 218)
        #expect(window == (9, 35, 160))
        #expect(FaceFrame.celeba.wholeWindow(width: 89, height: 109).side == 80)
        #expect(FaceFrame.ffhq.wholeWindow(width: 64, height: 64) == (0, 0, 64))
        #expect(FaceFrame.ffhq.wholeWindow(width: 80, height: 64) == (8, 0, 64))
    }

    @Test func largePicturesAreReducedToWhatIsNeeded() throws {
        let tiny = try TinyCelebA(count: 10, width: 178, height: 218)
        let folder = try CelebAFolder(tiny.path)
        let faces = try FaceSet(folder, folder.rows, frame: .celeba, size: 40)
        #expect(faces.images.allSatisfy { FaceFrame.celeba.wholeWindow(width: $0.width, height: $0.height).side == 40 })
    }

    /// The published counts of the release, on the real subset where there is one.
    @Test(.enabled(if: TestData.celeba != nil, "no CelebA folder: set DIRECTIONS_CELEBA"))
    func theRealListsAreRead() throws {
        let path = try #require(TestData.celeba)
        let folder = try CelebAFolder(path)
        let share = Double(folder.rows.reduce(0) { $0 + Int($1.labels[20]) }) / Double(folder.rows.count)
        #expect(abs(share - 0.42) < 0.02)  // 41.7 % of CelebA's faces are labelled Male
    }
}

enum TestData {
    /// CelebA's folder, from the environment or beside the repository.
    static let celeba: String? = {
        let given = ProcessInfo.processInfo.environment["DIRECTIONS_CELEBA"]
        let path = given.flatMap { $0.isEmpty ? nil : $0 } ?? "../shared/data/celeba"
        return FileManager.default.fileExists(atPath: "\(path)/list_attr_celeba.txt") ? path : nil
    }()
}
