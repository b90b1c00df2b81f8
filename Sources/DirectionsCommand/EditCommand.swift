import ArgumentParser
import CommandSupport
import Core
import Directions
import Editing
import Tensors
import Weights

/// `directions edit`: directions applied to latents, as a labelled grid.
struct EditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Apply directions to faces: a grid of strengths by directions, and the edited codes.",
        discussion: """
            One column a direction (or, with one direction, one column a face), one row a strength. Directions joined by + are \
            applied together: smiling+male, or with weights smiling+male*-0.5. A direction is a name, a name@version, or a file. \
            A name means the newest of the workspace; where that has none, the program's own (name@v0), for the paper's eight.

            Examples:
              directions edit --direction eyeglasses,smiling --strength 0,1,2,3 --unit sigma --seed 7 --out table.png
              directions edit --direction smiling --strength -2,0,2 --unit sigma --latent 17,40 --layers 0-7 --out smile.png
              directions edit --direction smiling --strength -3:3:0.25 --unit sigma --seed 7 --frames smile
              directions edit --direction smiling --hold others --strength 0,1,2 --unit sigma --seed 1-6 --out held.png
              directions edit --photo me.jpg --direction smiling --strength 2 --unit sigma --out smiling-me.jpg
            """)

    @Option(help: "Directions, separated by commas, a column each; + joins those applied together.")
    var direction: String

    @Option(parsing: .unconditional, help: "Strengths, a row each: 0,1,2 or a range -3:3:0.5 (first:last:step).")
    var strength = "0,1,2,3"

    @Option(help: "What a strength of 1 is: raw (one unit of the unit normal) or sigma (the direction's natural step).")
    var unit: StrengthUnit = .raw

    @Option(help: "Change only these rows of the W+ code, such as 0-7 (W codes become StyleGAN2's W+).")
    var layers: String?

    @OptionGroup var holding: HoldOptions
    @OptionGroup var pictures: PictureOptions
    @Option(help: "Write the edited codes as .npy: [rows x columns, 1, 512], or [.., layers, 512] for W+.")
    var codesOut: String?

    @Flag(help: "With --photo: the face's square alone instead of the whole photograph.") var crop = false
    @Flag(
        help:
            "With --photo: keep changes wherever they are, not only where the directions change the generator's own faces."
    )
    var everywhere = false
    @Option(
        help: ArgumentHelp(
            "A film that sweeps the strength from the least to the greatest and back: .mp4 and .gif by ffmpeg, .webp without it.",
            valueName: "file"))
    var animate: String?

    @Flag(help: "Apply directions that belong to another generator all the same.") var force = false
    @OptionGroup var faces: FaceOptions
    @OptionGroup var synthesis: SynthesisOptions
    @OptionGroup var workspace: WorkspaceOption

    private var request: EditRequest {
        get throws {
            EditRequest(
                directions: direction, faces: try faces.source,
                strengths: try Numbers.reals(strength, subject: "--strength"),
                unit: unit, layers: try layers.map { try LayerSelection($0) }, isForced: force,
                rendering: pictures.value.isEmpty && animate == nil ? nil : try synthesis.rendering,
                generator: faces.generator,
                towardMean: faces.inside.towardMean, hold: try holding.request)
        }
    }

    /// The same on photographs; nil for faces that the generator made up, or for the codes alone.
    private var photographRequest: PhotographEditRequest? {
        get throws {
            if faces.photographs.photo.isEmpty || pictures.value.isEmpty { return nil }
            var photographs = PhotographEditRequest(
                try request, of: faces.photographs.source, isCropped: crop, size: synthesis.size,
                frames: pictures.frames)
            photographs.isEverywhere = everywhere
            return photographs
        }
    }

    /// The film that was asked for.
    private var animation: AnimationRequest? {
        get throws {
            guard let animate else { return nil }
            let photographs = faces.photographs
            var film = AnimationRequest(
                try request, to: animate, photographs: photographs.photo.isEmpty ? nil : photographs.source,
                isCropped: crop, size: photographs.photo.isEmpty ? nil : synthesis.size)
            film.isEverywhere = everywhere
            return film
        }
    }

    func validate() throws {
        try pictures.value.validate(besides: codesOut, isNeeded: animate == nil, photographs: faces.photographs.photo)
        try holding.validate(isPlain: animate == nil && faces.photographs.photo.isEmpty)
        try animation?.validate()
        if let photographRequest = try photographRequest {
            try photographRequest.validate()
        } else {
            try request.validate()
        }
    }

    func run() throws {
        let session = workspace.session
        if !faces.photographs.photo.isEmpty { Torch.keepFreedMemory() }
        if let animation = try animation {
            let film = try session.animate(animation)
            print("\(animation.path): \(film.frames) pictures, \(film.width) x \(film.height) pixels")
            if pictures.value.isEmpty, codesOut == nil { return }
        }
        if let photographRequest = try photographRequest {
            let edited = try session.editPhotographs(photographRequest)
            if let codesOut { try write(edited.codes, to: codesOut) }
            for line in try edited.write(to: pictures.value) { print(line) }
        } else {
            let edited = try session.edit(request)
            if let codesOut { try write(edited.codes, to: codesOut) }
            for line in try edited.write(to: pictures.value) { print(line) }
        }
    }

    private func write(_ codes: LatentCodes, to path: String) throws {
        try NumpyFile.write(TensorData(codes.values, shape: [codes.count, codes.rows, codes.size]), to: path)
    }
}
