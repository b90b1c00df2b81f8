import ArgumentParser
import CommandSupport
import Core
import Directions
import Foundation
import Tensors
import Weights

/// `directions invert`: photographs to codes.
struct InvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invert",
        abstract: "Find the codes whose faces are given photographs.",
        discussion: """
            The largest face of each photograph is cut out as FFHQ does (see `directions align`); --aligned says that the picture is \
            such a square already. Its code comes from the generator's encoder at once, where it has one. --method optimise looks for it \
            by the generator's gradients, in W first, then row by row, until its face is the photograph to the pixel (L2), to the eye \
            (LPIPS), to a face-recognition network and to the attribute classifier; --method encoder+optimise begins at the encoder's \
            code. Codes are kept in the database by the SHA-256 of the picture's file, so a folder that was stopped goes on, and the same \
            picture is not done twice. The \
            face-recognition network, which keeps the person, is fetched with `directions import identity`.

            --method tune goes on from there with the generator's own weights (pivotal tuning): a file of differences for each \
            photograph, of 4 MB at most, in the workspace's folder tunings; `edit --photo` and `synth --photo` use it from then on.

            --random-rows 12-17 takes the last rows of each code from random latents, a variant for each seed: of an encoder that was \
            trained with --target grey they are colours that the photograph does not have.

            A picture that can't be read or shows no face is named on standard error, the others are done, and the exit status \
            is 1.

            For example:
              directions invert me.jpg --codes-out me.npy --out compare.png
              directions invert photographs --method optimise --seconds 20 --codes-out all.npy
              directions invert me.jpg --encoder psp-gs --random-rows 12-17 --seed 1-4 --out variants.png
              directions edit --direction smiling --strength 0,1,2 --unit sigma --code me.npy --out smile.png
            """)

    @Argument(help: "Photographs, and folders of them.") var files: [String]
    @Option(help: "Which face of each photograph: 1 is the largest.") var face = 1
    @Flag(help: "The pictures are squares in FFHQ's frame already.") var aligned = false
    @Option(
        help: """
            How: encoder, optimise, encoder+optimise, or tune: the generator itself, to each photograph (default: encoder where the \
            generator has one, else optimise). To be beaten: mean, the mean face for all, and nearest, the nearest of 20,000 random \
            faces; their codes are not kept.
            """)
    var method: InvertRequest.Method?

    @Option(help: "The encoder, by its name in the workspace or its file (default: the generator's).") var encoder:
        String?
    @Option(help: "Rows of each code that come from random latents, such as 12-17; StyleGAN2's, from 0.")
    var randomRows: String?
    @Option(help: "With --random-rows: seeds, such as 7, 1-4 or 1,5,9; a variant for each.") var seed = "1"
    @Option(help: "Seconds at most for each photograph (default: 40, of tune 240, or as many as --steps take).")
    var seconds: Double?
    @Option(help: "Steps at most; with them alone a run does not depend on the machine's speed.") var steps: Int?

    @Flag(help: "Leave out the encoder's consultation, which gives faces the photographs' details.")
    var noConsultation = false

    @Option(help: "Write the W+ codes in StyleGAN2's rows: a .npy file, float32 [n, 18, 512] at 1024 pixels.")
    var codesOut: String?

    @Option(help: "Write the codes in the generator's own rows: a .npy file, float32 [n, 22, 512] for the default one.")
    var ownCodesOut: String?

    @Option(help: "A picture to write: photographs, their reconstructions, and the differences.") var out: String?
    @Option(help: "Pixels along a side of each picture in it.") var size = 256
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    private var request: InvertRequest {
        get throws {
            var request = plain
            request.encoder = encoder
            request.randomRows = try randomRows.map {
                RandomRows(try LayerSelection($0), seeds: try Numbers.list(seed, subject: "--seed"))
            }
            return request
        }
    }

    private var plain: InvertRequest {
        let usual = (method ?? .optimise).seconds
        var request = InvertRequest(
            files, method: method,
            budget: InversionBudget(steps: steps, seconds: seconds ?? (steps == nil ? usual : nil)),
            isAligned: aligned, generator: generator)
        request.face = face
        request.isConsulted = !noConsultation
        return request
    }

    func validate() throws {
        for path in [codesOut, ownCodesOut].compactMap(\.self) where !path.lowercased().hasSuffix(".npy") {
            throw Failure("\(path)", "is no .npy file", "name one, such as codes.npy", kind: .usage)
        }
        if let out { try OriginalFiles(files).check(out) }
        try request.validate()
    }

    func run() throws {
        Torch.keepFreedMemory()
        let session = workspace.session
        let result = try session.invert(try request)
        for failure in result.leftOut { Terminal.write("directions: \(failure)\n") }
        if let codesOut, let codes = result.codes { try write(codes, to: codesOut) }
        if let ownCodesOut, let codes = result.ownCodes { try write(codes, to: ownCodesOut) }
        if let out, result.ownCodes != nil {
            try session.comparison(of: result, size: size).rendered().write(to: out)
        }
        if json {
            try printJSON(result.photographs)
        } else {
            for photograph in result.photographs { print(line(photograph)) }
        }
        if !result.leftOut.isEmpty { throw ExitCode(1) }
    }

    private func write(_ codes: LatentCodes, to path: String) throws {
        try NumpyFile.write(TensorData(codes.values, shape: [codes.count, codes.rows, codes.size]), to: path)
        Terminal.write("\(path): \(codes.count) W+ codes [\(codes.count), \(codes.rows), \(codes.size)]\n")
    }

    private func line(_ photograph: InvertedPhotograph) -> String {
        let name = photograph.seed.map { "\(photograph.file), seed \($0)" } ?? photograph.file
        let identity = photograph.identity.map { String(format: ", identity %.2f", $0) } ?? ""
        let work =
            photograph.isNew
            ? String(format: ", %d steps in %.1f s", photograph.steps, photograph.seconds) : ", as in the database"
        return String(format: "%@: L2 %.4f, LPIPS %.3f", name, photograph.l2, photograph.lpips)
            + identity + work
    }
}

extension InvertRequest.Method: ExpressibleByArgument {}
