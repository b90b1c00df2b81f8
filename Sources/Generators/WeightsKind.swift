import Core
import Weights

/// What a file of weights is when it is no StyleGAN2 generator.
struct WeightsKind {
    private var names: Set<String> = []
    private var classes: Set<String> = []
    private var shapes: [[Int]] = []
    private var budget = 50_000

    /// Looks at all names of a file.
    init(_ value: TorchValue) { collect(value, depth: 0) }

    private mutating func collect(_ value: TorchValue, depth: Int) {
        budget -= 1
        guard depth <= 6, budget > 0 else { return }
        switch value {
        case .dictionary(let entries):
            for entry in entries {
                names.insert(entry.key)
                collect(entry.value, depth: depth + 1)
            }
        case .list(let items): for item in items.prefix(64) { collect(item, depth: depth + 1) }
        case .network(let network):
            names.formUnion(network.tensors.keys)
            classes.formUnion(network.classes.values)
        default: if let tensor = value.storedTensor { shapes.append(tensor.shape) }
        }
    }

    @inline(never) private func has(_ part: String) -> Bool { names.contains { $0.contains(part) } }
    @inline(never) private func has(end: String) -> Bool { names.contains { $0.hasSuffix(end) } }

    /// What to tell of a file without a StyleGAN2 generator.
    func failure(_ file: String) -> Failure {
        let pointer = "give a StyleGAN2 generator: NVIDIA's, rosinality's, pSp's, e4e's or BasicSR's"
        if classes.contains("SynthesisInput") || has("synthesis.input.") || has(end: "input.freqs") {
            return Failure(
                file, "is a StyleGAN3 generator, whose alias-free synthesis this program does not have",
                "give a StyleGAN2 generator; stylegan3's code can train one with --cfg=stylegan2")
        }
        if has("/StyleMod/") || has("progression.") || has("style_mod.lin") || has("adaIn") || has("epi1.style_mod") {
            return Failure(file, "is a StyleGAN generator of the first version", "give a StyleGAN2 generator")
        }
        if has("condition_scale.") || has("style_conv1.bias") {
            return Failure(
                file, "is GFPGAN, whose generator resamples in another way and needs a photograph's features", pointer)
        }
        if has("b4.mbstd") || has("final_linear.") || has("b4.out.") || names.contains("convs.0.0.weight") {
            return Failure(file, "is a discriminator, which makes no images", pointer)
        }
        if has("encoder.input_layer") || names.contains("input_layer.0.weight") || has("encoder.body.")
            || has("styles.0.convs.")
        {
            return Failure(
                file, "is an encoder (of pSp, e4e or the like) without a generator",
                "give the whole checkpoint, which has the generator as `decoder`, or the generator's own file")
        }
        if has("synthesis.") || classes.contains(where: { $0.contains("Generator") }) {
            let named = classes.filter { $0.contains("Generator") }.sorted().first.map { " of class \($0)" } ?? ""
            return Failure(file, "has a generator\(named) that is not a StyleGAN2's", pointer)
        }
        if has("exp_avg") || names.contains("param_groups") {
            return Failure(file, "is the state of an optimiser, without a generator", pointer)
        }
        if !shapes.isEmpty, shapes.allSatisfy({ $0.count <= 3 && ($0.last ?? 0) >= 16 }) {
            return Failure(
                file, "holds arrays such as \(shapes[0]), which are latent codes or directions and no generator",
                "give codes as the source of faces; import a direction as a direction")
        }
        return Failure(file, "has no StyleGAN2 generator under g_ema, state_dict or anywhere else", pointer)
    }
}
