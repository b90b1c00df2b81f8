import Core
import Foundation
import Images
import Latents
import Tensors

/// StyleGAN2's synthesis on libtorch: differentiable, any batch.
///
/// The modulation is applied to the activations instead of the weights, which gives the same numbers and lets a batch
/// share one convolution (Karras et al. 2020, section 2.2, the other way round).
///
/// Letters: N images, i and o channels, r pixels along a side, d the latent size.
public struct StyleGAN2Tensors: DifferentiableSynthesizer {
    public let identity: GeneratorIdentity
    public let layout: CodeLayout
    /// Where it computes.
    public let device: Device

    private struct Modulation: Sendable {
        let weight: Tensor
        let bias: Tensor

        init(_ source: StyleGAN2Parameters.Modulation, latent: Int, device: Device) throws {
            weight = try Tensor(source.weight, shape: [source.bias.count, latent], device: device)
            bias = try Tensor(source.bias, shape: [source.bias.count], device: device)
        }

        /// Scales [N, i] of styles [N, d].
        func scales(_ style: Tensor) throws -> Tensor { try style.linear(weight, bias: bias) }
    }

    private struct Convolution: Sendable {
        let modulation: Modulation
        /// [o, i, 3, 3], or [i, o, 3, 3] when it upsamples.
        let weight: Tensor
        /// [o, i]: the sum of each kernel's squares.
        let power: Tensor
        /// [1, 1, r, r], the strength included.
        let noise: Tensor
        let noiseStrength: Float
        let bias: Tensor
        let upsamples: Bool
        let type: ScalarType

        init(
            _ source: StyleGAN2Parameters.Convolution, latent: Int, upsamples: Bool, type: ScalarType, device: Device
        ) throws {
            let (inputs, outputs) = (source.modulation.bias.count, source.bias.count)
            modulation = try Modulation(source.modulation, latent: latent, device: device)
            var values = source.weight
            // No product leaves half precision's range; the demodulation takes the factor out again.
            if type == .float16 { Vectors.limit(&values, count: outputs) }
            let weight = try Tensor(values, shape: [outputs, inputs, 3, 3], device: device)
            power = try weight.multiplied(by: weight).sum([2, 3])
            self.weight = try (upsamples ? weight.permuted([1, 0, 2, 3]).contiguous() : weight).to(type: type)
            self.type = type
            let side = Int(Double(source.noise.count).squareRoot())
            noiseStrength = source.noiseStrength
            noise = try Tensor(
                Vectors.scaled(source.noise, by: source.noiseStrength), shape: [1, 1, side, side], device: device
            ).to(type: type)
            bias = try Tensor(source.bias, shape: [1, outputs, 1, 1], device: device).to(type: type)
            self.upsamples = upsamples
        }

        /// Styles brought to a root mean square of 1 for half precision; the demodulation takes the factor out again.
        func fitted(_ scales: Tensor) throws -> Tensor {
            if type == .float32 { return scales }
            return try scales.divided(
                by: scales.squared().mean([1], keeping: true).scaled(by: 1, plus: 1e-12).squareRoot())
        }
    }

    private struct Image: Sendable {
        let modulation: Modulation
        let weight: Tensor
        let bias: Tensor

        init(_ source: StyleGAN2Parameters.Image, latent: Int, type: ScalarType, device: Device) throws {
            modulation = try Modulation(source.modulation, latent: latent, device: device)
            weight = try Tensor(source.weight, shape: [3, source.modulation.bias.count, 1, 1], device: device)
                .to(type: type)
            bias = try Tensor(source.bias, shape: [1, 3, 1, 1], device: device)
        }
    }

    private struct Level: Sendable {
        /// What it computes in.
        let type: ScalarType
        let first: Convolution?
        let second: Convolution
        let image: Image?
        let residual: Tensor?
    }

    private let constant: Tensor
    private let levels: [Level]
    private let filter: [Float]
    private let filterSize: Int
    private let clamp: Double?
    /// Images computed at once.
    public let batch: BatchFitting

    /// - Parameters:
    ///   - identity: Which generator this is.
    ///   - network: The weights.
    ///   - device: Where to compute.
    ///   - isHalf: Whether the four largest levels compute in half precision, as in NVIDIA's training.
    /// - Throws: ``Failure`` when they are no such network or libtorch can't hold them, and for half precision where the
    ///   network does not limit its activations: it was not trained for it.
    public init(
        identity: GeneratorIdentity, network: StyleGAN2Parameters, device: Device = .cpu, isHalf: Bool = false
    ) throws {
        try network.check("generator \(identity.name)")
        self.identity = identity
        layout = network.layout
        self.device = device
        guard !isHalf || network.clamp != nil else {
            throw Failure(
                "half precision", "is not for generator \(identity.name), which was not trained for half precision",
                "leave it out", kind: .usage)
        }
        let latent = network.latentSize
        constant = try Tensor(network.constant, shape: [1, network.constant.count / 16, 4, 4], device: device)
        var levels: [Level] = []
        for (k, level) in network.levels.enumerated() {
            let inputs = level.first?.modulation.bias.count ?? 1
            let type: ScalarType = isHalf && k + 4 >= network.levels.count ? .float16 : .float32
            let residual = try level.residual.map {
                try Tensor($0, shape: [$0.count / inputs, inputs, 1, 1], device: device).to(type: type)
            }
            levels.append(
                Level(
                    type: type,
                    first: try level.first.map {
                        try Convolution($0, latent: latent, upsamples: true, type: type, device: device)
                    },
                    second: try Convolution(level.second, latent: latent, upsamples: false, type: type, device: device),
                    image: try level.image.map { try Image($0, latent: latent, type: type, device: device) },
                    residual: residual))
        }
        self.levels = levels
        filter = network.filter
        filterSize = network.filterSize
        clamp = network.clamp.map(Double.init)
        batch = BatchFitting(most: device == .cpu ? 1 : 64)
    }

    public var sizes: [Int] { ImageSizes.halves(of: identity.resolution) }

    public func featureChannels(side: Int) -> Int? {
        levels.indices.first { 4 << $0 == side }.flatMap { levels[$0].first?.bias.shape[1] }
    }

    public func features(_ styles: Tensor, side: Int, noise: NoiseMode) throws -> Tensor {
        var tap = FeatureTap(upTo: side)
        _ = try image(styles, noise: noise, tap: &tap)
        return try tap.found()
    }

    public func synthesize(
        _ styles: Tensor, size: Int, noise: NoiseMode, change: TensorFeatureChange?
    ) throws -> Tensor {
        try check(size: size)
        var tap = FeatureTap(change)
        let full = try image(styles, noise: noise, tap: &tap)
        if change != nil { try tap.found() }
        guard let full else { throw Failure("generator \(identity.name)", "makes no image", "import it again") }
        let window = identity.resolution / size
        return window == 1 ? full : try full.averagePooled(size: window, stride: window)
    }

    /// The full image, or what there is of it when the tap stops the network.
    ///
    /// - Parameters:
    ///   - styles: [N, 1 or rows, d].
    ///   - noise: `random` noise follows from the styles: the same code gets the same noise.
    ///   - tap: Reads or changes the features at one place.
    /// - Returns: [N, 3, r, r]; nil where the tap stopped the network before the first image.
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    private func image(_ styles: Tensor, noise: NoiseMode, tap: inout FeatureTap) throws -> Tensor? {
        let shape = styles.shape
        let style = try rows(of: styles)
        let seeds =
            noise == .random
            ? try StyleGAN2Noise.seeds(styles.detached().to(device: .cpu).floats(), count: shape[0]) : []
        func noiseOf(_ convolution: Convolution, row: Int) throws -> Tensor? {
            switch noise {
            case .none: return nil
            case .constant: return convolution.noise
            case .random:
                if convolution.noiseStrength == 0 { return nil }
                let side = convolution.noise.shape[3]
                let values = seeds.flatMap {
                    LatentNoise(seed: $0, size: side * side).rows(UInt64(row)..<UInt64(row) + 1)
                }
                return try Tensor(values, shape: [seeds.count, 1, side, side], device: device)
                    .scaled(by: Double(convolution.noiseStrength)).to(type: convolution.type)
            }
        }
        var x = try constant.expanded([shape[0]] + constant.shape[1...])
        var image: Tensor?
        for (k, level) in levels.enumerated() {
            if level.type != x.type { x = try x.to(type: level.type) }
            let residual = try level.residual.map { try upsampled(x.convolved($0)).scaled(by: 0.5.squareRoot()) }
            if let first = level.first {
                x = try tap.pass(
                    convolve(x, first, style(2 * k - 1), noise: noiseOf(first, row: 2 * k - 1), gain: 1))
                if tap.stops && tap.features != nil { return image }
            }
            let gain = residual == nil ? 1 : 0.5.squareRoot()
            x = try convolve(x, level.second, style(2 * k), noise: noiseOf(level.second, row: 2 * k), gain: gain)
            if let residual { x = try x.added(to: residual) }
            if let before = image { image = try upsampled(before) }
            if let part = level.image {
                let scales = try part.modulation.scales(style(2 * k + 1))
                let modulated = try x.multiplied(by: scales.reshaped(scales.shape + [1, 1]).to(type: level.type))
                var own = try modulated.convolved(part.weight).to(type: .float32).added(to: part.bias)
                if let clamp { own = try own.clamped(-clamp, clamp) }
                image = try image.map { try $0.added(to: own) } ?? own
            }
        }
        return image
    }

    /// Modulated convolution, demodulation, noise, bias, leaky ReLU.
    private func convolve(
        _ x: Tensor, _ convolution: Convolution, _ style: Tensor, noise: Tensor?, gain: Double
    ) throws -> Tensor {
        let scales = try convolution.fitted(convolution.modulation.scales(style))
        let demodulation = try scales.multiplied(by: scales).linear(convolution.power).scaled(by: 1, plus: 1e-8)
            .reciprocalSquareRoot()
        let modulated = try x.multiplied(by: scales.reshaped(scales.shape + [1, 1]).to(type: convolution.type))
        var y: Tensor
        if convolution.upsamples {
            let wide = try modulated.transposeConvolved(convolution.weight, stride: 2)
            let channels = wide.shape[1]
            // Convolution proper, so the taps are turned round; four pixels come from one.
            let taps = filter.reversed().map { $0 * 4 }
            let kernel = try Tensor(taps, shape: [1, 1, filterSize, filterSize], device: device)
                .expanded([channels, 1, filterSize, filterSize]).contiguous().to(type: convolution.type)
            y = try wide.convolved(kernel, padding: filterSize / 2 - 1, groups: channels)
        } else {
            y = try modulated.convolved(convolution.weight, padding: 1)
        }
        y = try y.multiplied(by: demodulation.reshaped(demodulation.shape + [1, 1]).to(type: convolution.type))
        if let noise { y = try y.added(to: noise) }
        y = try y.added(to: convolution.bias).leakyReLU(slope: 0.2).scaled(by: 2.0.squareRoot() * gain)
        if let clamp { y = try y.clamped(-clamp * gain, clamp * gain) }
        return y
    }

    /// [N, c, r, r] → [N, c, 2r, 2r] through the filter.
    private func upsampled(_ x: Tensor) throws -> Tensor {
        let channels = x.shape[1]
        let kernel = try Tensor(filter.map { $0 * 4 }, shape: [1, 1, filterSize, filterSize], device: device)
            .expanded([channels, 1, filterSize, filterSize]).contiguous().to(type: x.type)
        return try x.transposeConvolved(kernel, stride: 2, padding: filterSize / 2 - 1, groups: channels)
    }
}
