import Core
import DirectionFiles
import Testing

@Suite struct NamedOriginTests {
    @Test(arguments: [
        ("stylegan_ffhq_age_w_boundary.npy", "StyleGAN 1, FFHQ, space w", "young", true),
        ("stylegan_celebahq_gender_c_age_eyeglasses_boundary.npy", "StyleGAN 1, CelebA-HQ, space z", "male", false),
        ("pggan_celebahq_smile_boundary.npy", "PGGAN, CelebA-HQ, space z", "smiling", false),
        ("/x/stylegan1/stylegan2-ffhq_Eyeglasses_w+.pt", "StyleGAN2, FFHQ, space w+", "eyeglasses", false),
        ("stylegan2_ffhq_wp_black-hair.npy", "StyleGAN2, FFHQ, space w+", "black_hair", false),
        ("celeba-hq_no_beard_z.npy", "CelebA-HQ, space z", "no_beard", false),
        ("faces_smiling_c_male_w_boundary.npy", "space w", "smiling", false),
        ("age.pt", "", "young", true), ("own.npy", "", "", false),
    ])
    func namesTellTheOrigin(file: String, text: String, attribute: String, isLowered: Bool) {
        let origin = NamedOrigin(file)
        #expect(origin.description == text)
        #expect(origin.attribute?.slug ?? "" == attribute && origin.attribute?.isLowered ?? false == isLowered)
    }

    @Test func whatSpeaksAgainstADirectionIsSaid() {
        func warning(_ file: String, rows: Int = 1, source: String = "ffhq") -> String {
            NamedOrigin(file).warning(file: file, rows: rows, generator: "default", source: source) ?? ""
        }
        #expect(warning("stylegan_ffhq_age_w_boundary.npy").contains("of StyleGAN 1"))
        #expect(!warning("stylegan_ffhq_age_w_boundary.npy").contains("of Z"))
        #expect(warning("stylegan_ffhq_age_boundary.npy").contains("of Z, before the mapping network"))
        #expect(warning("pggan_celebahq_age_boundary.npy").contains("of PGGAN"))
        #expect(warning("pggan_celebahq_age_boundary.npy").contains("of CelebA-HQ, where default learnt from FFHQ"))
        #expect(warning("age_z.npy").contains("of Z"))
        #expect(warning("age_w.npy", rows: 18).contains("18 rows that differ"))
        #expect(warning("age_wp.npy").contains("one row"))
        #expect(warning("stylegan2_ffhq_age_w.npy", source: "stylegan2-car-config-f.pkl").contains("other pictures"))
        for fine in ["stylegan2_ffhq_age_w.npy", "age.pt", "age_w.npy"] { #expect(warning(fine).isEmpty) }
        #expect(warning("age_wp.npy", rows: 18).isEmpty)
    }

    @Test func aResponseStaysInTheFile() throws {
        var direction = try Samples.direction(seed: 1)
        direction.version = 1
        direction.metadata.namedOrigin = "StyleGAN 1, space w"
        direction.metadata.response = .init(
            attribute: "Smiling", perSigma: -0.25, spread: 3.5, faces: 16, classifierSHA256: "c")
        let read = try DirectionFile.decode(direction.encoded(), name: "d")
        #expect(read.metadata == direction.metadata && read.metadata.other == direction.metadata.other)
        #expect(read.metadata.response?.isNone == true)
        // What is no measurement is kept as it is.
        direction.metadata.response = nil
        direction.metadata.other = ["response": "good", "response_faces": "many"]
        #expect(try DirectionFile.decode(direction.encoded(), name: "d").metadata.other["response"] == "good")
    }
}
