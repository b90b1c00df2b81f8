import ColourEvaluation
import ColourNetworks
import Colourisation
import Core
import Generators
import Images
import Inversion

extension Session {
    /// The rows of a table of ways to colour.
    ///
    /// - Parameters:
    ///   - request: Which.
    ///   - files: The photographs.
    /// - Returns: In the order of the request, folders of others' pictures behind.
    /// - Throws: ``Core/Failure`` (not found) for an encoder, a consultation or networks that are missing.
    func methods(_ request: EvaluateColorizationRequest, files: [String]) throws -> [any ColourMethod] {
        var result: [any ColourMethod] = []
        for method in request.methods {
            switch method {
            case .grey: result.append(GreyItself())
            case .real: result.append(TruePictures())
            case .tints:
                if let folder = request.statistics {
                    result += TintMethod.all(try tints(of: folder, count: request.statisticsCount))
                }
            case .optimise: result.append(try optimised(request))
            case .encoder:
                let generator = try generator(request.generator)
                let colours = try GeneratorColours(
                    "psp", title: "encoder, the generator's picture", encoder: photographEncoder(for: generator),
                    generator: generator)
                result += under("psp-luminance", "own luminance, encoder's chroma", colours)
            case .hfgi:
                let colours = try consulted(request)
                result += under("hfgi-luminance", "own luminance, HFGI's chroma", colours)
            case .colorize: result.append(try colorizeMethod(request))
            case .told:
                let colours = try colorizeMethod(request)
                result.append(ToldColouring(colours, reference: .other, isTold: false))
                result += ColourTransferMethod.Reference.allCases.map { ToldColouring(colours, reference: $0) }
            case .transfer:
                let colours = try colorizeMethod(request)
                result += ColourTransferMethod.Reference.allCases.map {
                    ColourTransferMethod(colours, reference: $0)
                }
            }
        }
        for name in request.encoders { result += try rows(ofEncoder: name, generator(request.generator)) }
        for (name, folder) in request.predictions {
            result.append(try PredictedPictures(name, title: name, folder: folder, photographs: files))
        }
        return result + request.others
    }

    /// A generator's pictures, and their colours under the own luminance.
    private func under(_ name: String, _ title: String, _ colours: GeneratorColours) -> [any ColourMethod] {
        [colours, OwnLuminance(name, title: title, colours: colours)]
    }

    private func optimised(_ request: EvaluateColorizationRequest) throws -> any ColourMethod {
        let generator = try generator(request.generator)
        let search = try greySearch(for: generator, film: .panchromatic, budget: request.budget)
        let colours = try GeneratorColours(
            "optimise-output", title: "optimise, the generator's picture", encoder: search, generator: generator)
        return OwnLuminance("optimise", title: "own luminance, optimise's chroma", colours: colours)
    }

    private func consulted(_ request: EvaluateColorizationRequest) throws -> GeneratorColours {
        let generator = try generator(request.generator)
        guard let consultation = try consultation(for: generator, isGrey: true) else {
            throw Failure(
                "consultation", "is not there for grey photographs and generator \(generator.identity.name)",
                "train one with `directions train-consultation`", kind: .notFound)
        }
        return try GeneratorColours(
            "hfgi", title: "HFGI, the generator's picture", encoder: photographEncoder(for: generator),
            generator: generator, consultation: consultation)
    }

    /// Where colours come from where nobody says it: from both, where there is a network and the generator has an encoder.
    func colourSource(_ network: FaceColours?, generator name: String) -> ColourSource {
        if network == nil { return .generator }
        let identity = try? generatorIdentity(name)
        return identity.flatMap { encoderPath(for: $0) } == nil ? .network : .both
    }

    /// `colorize` as it comes: colours of the network and the generator's, where both are there.
    private func colorizeMethod(_ request: EvaluateColorizationRequest) throws -> FaceColouring {
        let network = request.source == .generator ? nil : try faceColours()
        let source = request.source ?? colourSource(network, generator: request.generator)
        var colours: GeneratorColours?
        if source != .network {
            let generator = try generator(request.generator)
            colours = try GeneratorColours(
                "generator", title: "generator", encoder: photographEncoder(for: generator), generator: generator,
                consultation: consultation(for: generator, isGrey: true))
        }
        guard network != nil || source == .generator else {
            throw Failure(
                "colouriser", "is not there", "train one with `directions train-colorizer`", kind: .notFound)
        }
        return FaceColouring(
            network: network, generator: colours, source: source, title: "colorize, colours of \(source.rawValue)")
    }
}
