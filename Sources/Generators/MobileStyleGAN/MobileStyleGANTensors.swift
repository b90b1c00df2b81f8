import Core
import Images
import Latents
import Tensors

/// MobileStyleGAN's synthesis on libtorch (Belousov 2021, arXiv 2104.04767): differentiable, any batch; the reference for
/// the C engine.
///
/// Letters: N images, c channels, r pixels along a side, d the latent size.
public struct MobileStyleGANTensors: DifferentiableSynthesizer {
    public let identity: GeneratorIdentity
    public let layout: CodeLayout
    /// Where it computes.
    public let device: Device
    /// Images computed at once.
    public let batch: BatchFitting

    private struct Modulation: Sendable {
        let weight: Tensor
        let bias: Tensor

        /// - Parameters:
        ///   - modulation: The weights.
        ///   - latent: Components of a row of W.
        ///   - device: Where to compute.
        ///   - factor: What the scales are multiplied by.
        /// - Throws: ``Failure`` when libtorch can't hold them.
        init(
            _ modulation: MobileStyleGANParameters.Modulation, latent: Int, device: Device, factor: Double = 1
        ) throws {
            let channels = modulation.bias.count
            let scale = Double(modulation.scale) * factor
            weight = try Tensor(modulation.weight, shape: [channels, latent], device: device).scaled(by: scale)
            bias = try Tensor(modulation.bias, shape: [channels], device: device).scaled(by: scale)
        }

        /// Scales of [N, d] styles as [N, c, 1, 1].
        func scales(_ style: Tensor) throws -> Tensor {
            let scales = try style.linear(weight, bias: bias)
            return try scales.reshaped(scales.shape + [1, 1])
        }

        /// The 1×1 convolution of scaled x [N, c, r, r] by a kernel [o, c].
        ///
        /// The scales go into the kernels, one for each image, which saves a pass over the images.
        func mix(_ x: Tensor, _ kernel: Tensor, style: Tensor) throws -> Tensor {
            let (n, c, r) = (x.shape[0], x.shape[1], x.shape[2])
            let scales = try style.linear(weight, bias: bias).reshaped([n, 1, c])
            let kernels = try scales.multiplied(by: kernel).to(type: x.type)
            return try kernels.matrixProduct(x.reshaped([n, c, r * r])).reshaped([n, kernel.shape[0], r, r])
        }
    }

    private struct Convolution: Sendable {
        let modulation: Modulation
        var depthwise: Tensor
        var pointwise: Tensor
        let noise: Tensor
        var bias: Tensor
        let slope: Double

        init(
            _ source: MobileStyleGANParameters.Convolution, latent: Int, side: Int, slope: Double, device: Device,
            type: ScalarType
        ) throws {
            let (inputs, outputs) = (source.modulation.bias.count, source.bias.count)
            modulation = try Modulation(source.modulation, latent: latent, device: device)
            depthwise = try Tensor(source.depthwise, shape: [inputs, 1, 3, 3], device: device).to(type: type)
            pointwise = try Tensor(source.pointwise, shape: [outputs, inputs], device: device)
            noise = try Tensor(source.noise, shape: [1, 1, side, side], device: device).to(type: type)
            bias = try Tensor(source.bias, shape: [1, outputs, 1, 1], device: device).to(type: type)
            self.slope = slope
        }

        func callAsFunction(_ x: Tensor, style: Tensor, addsNoise: Bool) throws -> Tensor {
            // Scales of channels and a convolution channel by channel change places.
            let spatial = try x.convolved(depthwise, padding: 1, groups: depthwise.shape[0])
            let mixed = try modulation.mix(spatial, pointwise, style: style)
            let noisy = addsNoise ? try mixed.added(to: noise) : mixed
            return try noisy.added(to: bias).leakyReLU(slope: slope)
        }
    }

    private struct Layer: Sendable {
        /// Of the bands, halved: the inverse Haar transform's factor.
        let up: Modulation
        /// ``haar(channels:device:)`` in half precision, where matrix products are cheaper than passes over images.
        let haar: Tensor?
        var first: Convolution
        var second: Convolution
        /// What it computes in.
        let type: ScalarType
    }

    private var constant: Tensor
    private let startModulation: Modulation
    private let startWeight: Tensor
    private let startNoise: Tensor
    private var startBias: Tensor
    private var layers: [Layer]
    private let imageModulation: Modulation
    private var imageWeight: Tensor
    private var imageBias: Tensor
    private let slope: Double

    /// - Parameters:
    ///   - identity: Which generator this is.
    ///   - network: The weights.
    ///   - device: Where to compute.
    ///   - isHalf: Half precision in the four largest levels, which the network was not trained with.
    /// - Throws: ``Failure`` when they are no such network or libtorch can't hold them.
    public init(
        identity: GeneratorIdentity, network: MobileStyleGANParameters, device: Device = .cpu, isHalf: Bool = false
    ) throws {
        try network.checkLengths()
        self.identity = identity
        layout = network.layout
        self.device = device
        batch = BatchFitting(most: device == .cpu ? 1 : 64)
        let (c, r, d) = (network.startChannels, network.startResolution, network.latentSize)
        let slope = Double(network.slope)
        constant = try Tensor(network.constant, shape: [1, c, r, r], device: device)
        startModulation = try Modulation(network.startModulation, latent: d, device: device)
        startWeight = try Tensor(network.startWeight, shape: [c, c, 3, 3], device: device)
        startNoise = try Tensor(network.startNoise, shape: [1, 1, r, r], device: device)
        startBias = try Tensor(network.startBias, shape: [1, c, 1, 1], device: device)
        layers = try network.layers.enumerated().map { k, layer in
            let side = r << (k + 1)
            let grown = layer.first.modulation.bias.count
            let type: ScalarType = isHalf && k + 4 >= network.layers.count ? .float16 : .float32
            func convolution(_ source: MobileStyleGANParameters.Convolution) throws -> Convolution {
                try Convolution(source, latent: d, side: side, slope: slope, device: device, type: type)
            }
            return Layer(
                up: try Modulation(layer.up, latent: d, device: device, factor: 0.5),
                haar: type == .float16 ? try MobileStyleGANTensors.haar(channels: grown, device: device) : nil,
                first: try convolution(layer.first), second: try convolution(layer.second), type: type)
        }
        let last = network.layers[network.layers.count - 1].channels
        imageModulation = try Modulation(network.imageModulation, latent: d, device: device)
        imageWeight = try Tensor(network.imageWeight, shape: [12, last], device: device)
        imageBias = try Tensor(network.imageBias, shape: [1, 12, 1, 1], device: device)
        self.slope = slope
    }

    public var sizes: [Int] { ImageSizes.halves(of: identity.resolution) }

    public func featureChannels(side: Int) -> Int? {
        let first = constant.shape[2]
        return layers.indices.first { first << ($0 + 1) == side }.map { layers[$0].first.bias.shape[1] }
    }

    public func features(_ styles: Tensor, side: Int, noise: NoiseMode) throws -> Tensor {
        var tap = FeatureTap(upTo: side)
        _ = try activations(styles, noise: noise, tap: &tap)
        return try tap.found()
    }

    public func synthesize(
        _ styles: Tensor, size: Int, noise: NoiseMode, change: TensorFeatureChange?
    ) throws -> Tensor {
        try check(size: size)
        var tap = FeatureTap(change)
        let x = try activations(styles, noise: noise, tap: &tap)
        if change != nil { try tap.found() }
        let last = try rows(of: styles)(3 * layers.count)
        if size == identity.resolution {
            let mixed = try imageModulation.mix(x, imageWeight, style: last).to(type: .float32)
            return try MobileStyleGANTensors.merge(mixed.added(to: imageBias).scaled(by: 0.5))
        }
        // The mean of each 2×2 block is half its low band: the high bands cancel.
        let mixed = try imageModulation.mix(x, imageWeight.sliced(axis: 0, 0..<3), style: last).to(type: .float32)
        let half = try mixed.added(to: imageBias.sliced(axis: 1, 0..<3)).scaled(by: 0.5)
        let window = identity.resolution / 2 / size
        return window == 1 ? half : try half.averagePooled(size: window, stride: window)
    }

    /// What the last layer makes, or what was there when the tap stopped the network: [N, c, r, r].
    private func activations(_ styles: Tensor, noise: NoiseMode, tap: inout FeatureTap) throws -> Tensor {
        let style = try rows(of: styles)
        try MobileStyleGANParameters.check(noise)
        let addsNoise = noise == .constant
        let scaled = try constant.multiplied(by: startModulation.scales(style(0)))
        var x = try scaled.convolved(startWeight, padding: 1)
        if addsNoise { x = try x.added(to: startNoise) }
        x = try x.added(to: startBias).leakyReLU(slope: slope)
        for (k, layer) in layers.enumerated() {
            let scales = try layer.up.scales(style(3 * k + 1))
            let bands = try x.to(type: layer.type)
            let grown =
                try layer.haar.map { try MobileStyleGANTensors.merge(bands, scales: scales, haar: $0) }
                ?? MobileStyleGANTensors.merge(bands.multiplied(by: scales))
            let first = try tap.pass(layer.first(grown, style: style(3 * k + 1), addsNoise: addsNoise))
            if tap.stops && tap.features != nil { return first }
            x = try layer.second(first, style: style(3 * k + 2), addsNoise: addsNoise)
        }
        return x
    }

    /// One level of the inverse Haar transform of halved bands: [N, 4c, r, r] → [N, c, 2r, 2r].
    ///
    /// The first c channels are the low band l; the rest, seen as [c, 3], the bands v (vertical), h (horizontal) and d.
    /// Pixel (y, x) of a block is l + s·v + t·(h + s·d) with s = −1 in its lower row and t = −1 in its right column.
    package static func merge(_ x: Tensor) throws -> Tensor {
        let (n, c, r) = (x.shape[0], x.shape[1] / 4, x.shape[2])
        let low = try x.sliced(axis: 1, 0..<c)
        let high = try x.sliced(axis: 1, c..<4 * c).reshaped([n, c, 3, r, r])
        func band(_ index: Int) throws -> Tensor { try high.sliced(axis: 2, index..<index + 1).reshaped([n, c, r, r]) }
        let (v, h, d) = (try band(0), try band(1), try band(2))
        let (sumLow, sumHigh) = (try low.added(to: v), try h.added(to: d))
        let (differenceLow, differenceHigh) = (try low.subtracting(v), try h.subtracting(d))
        let blocks = [
            try sumLow.added(to: sumHigh), try sumLow.subtracting(sumHigh), try differenceLow.added(to: differenceHigh),
            try differenceLow.subtracting(differenceHigh),
        ]
        let stacked = try Tensor.stacked(blocks, axis: 2)
        return try stacked.reshaped([n, c, 2, 2, r, r]).permuted([0, 1, 4, 2, 5, 3]).reshaped([n, c, 2 * r, 2 * r])
    }

    /// The matrix [4c, 4c] that one level of the inverse Haar transform of halved bands is at every pixel.
    ///
    /// Its columns are the bands as ``merge(_:)`` takes them; its rows are the four pixels of a block, channel after channel.
    ///
    /// - Throws: ``Failure`` when libtorch can't hold it.
    package static func haar(channels c: Int, device: Device) throws -> Tensor {
        var matrix = [Float](repeating: 0, count: 16 * c * c)
        for channel in 0..<c {
            for pixel in 0..<4 {
                let (s, t): (Float, Float) = (pixel < 2 ? 1 : -1, pixel % 2 == 0 ? 1 : -1)
                let row = (4 * channel + pixel) * 4 * c
                matrix[row + channel] = 1
                for (band, sign) in [s, t, s * t].enumerated() { matrix[row + c + 3 * channel + band] = sign }
            }
        }
        return try Tensor(matrix, shape: [4 * c, 4 * c], device: device)
    }

    /// ``merge(_:)`` of bands [N, 4c, r, r] times scales [N, 4c, 1, 1], by one matrix product for each image: [N, c, 2r, 2r].
    ///
    /// - Parameters:
    ///   - x: The bands.
    ///   - scales: What they are multiplied by.
    ///   - haar: Of ``haar(channels:device:)``, [4c, 4c].
    /// - Returns: [N, c, 2r, 2r].
    /// - Throws: ``Failure`` when shapes do not fit or memory runs out.
    package static func merge(_ x: Tensor, scales: Tensor, haar: Tensor) throws -> Tensor {
        let (n, c, r) = (x.shape[0], x.shape[1] / 4, x.shape[2])
        let kernels = try scales.reshaped([n, 1, 4 * c]).multiplied(by: haar).to(type: x.type)
        return try kernels.matrixProduct(x.reshaped([n, 4 * c, r * r])).reshaped([n, c, 2, 2, r, r])
            .permuted([0, 1, 4, 2, 5, 3]).reshaped([n, c, 2 * r, 2 * r])
    }
}

extension MobileStyleGANTensors: TunableSynthesizer {
    /// Where the weights of convolutions stand, under their names in the model's file.
    ///
    /// The first, full convolution is left out: it is as large as a third of the others, and 4 × 4 pixels are all that it makes.
    private var places: [String: WritableKeyPath<MobileStyleGANTensors, Tensor>] {
        var result: [String: WritableKeyPath<MobileStyleGANTensors, Tensor>] = [
            "constant": \.constant, "start.bias": \.startBias, "image.weight": \.imageWeight, "image.bias": \.imageBias,
        ]
        for k in layers.indices {
            let convolutions: [(String, WritableKeyPath<MobileStyleGANTensors, Convolution>)] = [
                ("first", \.layers[k].first), ("second", \.layers[k].second),
            ]
            for (name, convolution) in convolutions {
                result["layers.\(k).\(name).depthwise"] = convolution.appending(path: \.depthwise)
                result["layers.\(k).\(name).pointwise"] = convolution.appending(path: \.pointwise)
                result["layers.\(k).\(name).bias"] = convolution.appending(path: \.bias)
            }
        }
        return result
    }

    public var convolutionWeights: [String: Tensor] {
        get throws {
            var result: [String: Tensor] = [:]
            for (name, place) in places {
                let tensor = self[keyPath: place]
                // Dimensions of one, by which a bias is spread over an image, are not in the file.
                result["synthesis." + name] = try tensor.reshaped(tensor.shape.filter { $0 != 1 })
            }
            return result
        }
    }

    public func replacing(_ weights: [String: Tensor]) throws -> MobileStyleGANTensors {
        var result = self
        let places = places
        for (name, tensor) in weights {
            guard name.hasPrefix("synthesis."), let place = places[String(name.dropFirst("synthesis.".count))] else {
                throw Failure("weight \(name)", "is none of a convolution of generator \(identity.name)")
            }
            let old = self[keyPath: place]
            result[keyPath: place] = try tensor.reshaped(old.shape).to(type: old.type)
        }
        return result
    }
}
