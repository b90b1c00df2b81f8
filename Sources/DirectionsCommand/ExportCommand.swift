import ArgumentParser
import CommandSupport
import Directions

/// `directions export`: a generator in another program's layout.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write an imported StyleGAN2 generator in the layout of rosinality's stylegan2-pytorch.",
        discussion: """
            pSp, e4e and HFGI load that layout: a .pt with the generator's state under g_ema and the mean latent under \
            latent_avg. (Directions leave through `directions pack --format`.)

            Example: directions export ffhq --out ffhq.pt
            """)

    @Argument(help: "The generator's name in the workspace.") var generator: String
    @Option(help: "The .pt file to write.") var out: String
    @OptionGroup var workspace: WorkspaceOption

    private var request: ExportRequest { ExportRequest(generator: generator, path: out) }

    func validate() throws { try request.validate() }

    func run() throws {
        let result = try workspace.session.exportGenerator(request)
        print("\(out): generator \(generator) in rosinality's layout")
        if let lost = result.lost { print("  left out: \(lost)") }
    }
}
