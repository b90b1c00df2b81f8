import Core

/// The weights of a MobileStyleGAN synthesis network, as its file has them.
///
/// The network is that of Belousov, "MobileStyleGAN" (arXiv 2104.04767): a learned constant, one full convolution, then
/// layers of an inverse Haar step and two separable convolutions, and twelve channels that one more Haar step makes
/// into the image. Demodulation does not depend on the style there and is folded into the weights.
///
/// Letters: c input and m output channels of a convolution, r pixels along a side of its output, d the latent size.
public struct MobileStyleGANParameters: Sendable {
    /// A style's linear map, (weight · w + bias) · scale.
    public struct Modulation: Sendable {
        /// [c, d].
        public var weight: [Float]
        /// [c].
        public var bias: [Float]
        /// Multiplies the sum; 1 for the modulation before a Haar step.
        public var scale: Float

        /// - Parameters:
        ///   - weight: [c, d].
        ///   - bias: [c].
        ///   - scale: Multiplies the sum.
        public init(weight: [Float], bias: [Float], scale: Float) {
            self.weight = weight
            self.bias = bias
            self.scale = scale
        }
    }

    /// Modulation, depthwise 3×3, product, noise, bias, leaky ReLU.
    public struct Convolution: Sendable {
        /// c values.
        public var modulation: Modulation
        /// [c, 3, 3].
        public var depthwise: [Float]
        /// [m, c].
        public var pointwise: [Float]
        /// [r, r].
        public var noise: [Float]
        /// [m].
        public var bias: [Float]

        /// - Parameters:
        ///   - modulation: c values.
        ///   - depthwise: [c, 3, 3].
        ///   - pointwise: [m, c], demodulation folded in.
        ///   - noise: [r, r].
        ///   - bias: [m].
        public init(
            modulation: Modulation, depthwise: [Float], pointwise: [Float], noise: [Float], bias: [Float]
        ) {
            self.modulation = modulation
            self.depthwise = depthwise
            self.pointwise = pointwise
            self.noise = noise
            self.bias = bias
        }
    }

    /// An inverse Haar step from c channels to c/4 at twice the side, then two convolutions to m channels.
    public struct Layer: Sendable {
        /// m, after both convolutions.
        public var channels: Int
        /// c values, before the Haar step.
        public var up: Modulation
        /// c/4 → m.
        public var first: Convolution
        /// m → m.
        public var second: Convolution

        /// - Parameters:
        ///   - channels: m.
        ///   - up: c values.
        ///   - first: c/4 → m.
        ///   - second: m → m.
        public init(channels: Int, up: Modulation, first: Convolution, second: Convolution) {
            self.channels = channels
            self.up = up
            self.first = first
            self.second = second
        }
    }

    /// d, 512.
    public var latentSize: Int
    /// Pixels along a side of the constant, 4.
    public var startResolution: Int
    /// Channels of the constant, 512.
    public var startChannels: Int
    /// [c, r, r].
    public var constant: [Float]
    /// The first, full convolution's modulation.
    public var startModulation: Modulation
    /// [c, c, 3, 3].
    public var startWeight: [Float]
    /// [r, r].
    public var startNoise: [Float]
    /// [c].
    public var startBias: [Float]
    /// From 8×8 pixels up.
    public var layers: [Layer]
    /// The image's modulation.
    public var imageModulation: Modulation
    /// [12, c]: the low band of red, green and blue, then the three high bands of each.
    public var imageWeight: [Float]
    /// [12].
    public var imageBias: [Float]
    /// Of every leaky ReLU.
    public var slope: Float

    /// - Parameters: See the properties.
    public init(
        latentSize: Int, startResolution: Int, startChannels: Int, constant: [Float], startModulation: Modulation,
        startWeight: [Float], startNoise: [Float], startBias: [Float], layers: [Layer], imageModulation: Modulation,
        imageWeight: [Float], imageBias: [Float], slope: Float = 0.2
    ) {
        self.latentSize = latentSize
        self.startResolution = startResolution
        self.startChannels = startChannels
        self.constant = constant
        self.startModulation = startModulation
        self.startWeight = startWeight
        self.startNoise = startNoise
        self.startBias = startBias
        self.layers = layers
        self.imageModulation = imageModulation
        self.imageWeight = imageWeight
        self.imageBias = imageBias
        self.slope = slope
    }

    /// Pixels along a side of the full image.
    public var resolution: Int { startResolution << (layers.count + 1) }

    /// Rows of a style that gives each modulation its own: one for the start, three a layer.
    public var styleRows: Int { 3 * layers.count + 1 }
}

extension MobileStyleGANParameters {
    /// - Throws: ``Failure`` naming the first array whose length does not follow from the channels.
    public func checkLengths() throws {
        guard latentSize > 0, startResolution > 0, startResolution <= 64, startChannels > 0, startChannels <= 1024,
            startChannels % 4 == 0, !layers.isEmpty, layers.count <= 12,
            layers.allSatisfy({ $0.channels > 0 && $0.channels <= 1024 && $0.channels % 4 == 0 })
        else {
            throw Failure("MobileStyleGAN weights", "have channels or resolutions that are not such a network's")
        }
        let c = startChannels
        try check(startModulation, channels: c, "start.modulation")
        try check(constant, c * startResolution * startResolution, "constant")
        try check(startWeight, c * c * 9, "start.weight")
        try check(startNoise, startResolution * startResolution, "start.noise")
        try check(startBias, c, "start.bias")
        var (channels, side) = (c, startResolution)
        for (index, layer) in layers.enumerated() {
            side *= 2
            let name = "layers.\(index)"
            try check(layer.up, channels: channels, "\(name).up")
            try check(layer.first, from: channels / 4, to: layer.channels, side: side, "\(name).first")
            try check(layer.second, from: layer.channels, to: layer.channels, side: side, "\(name).second")
            channels = layer.channels
        }
        try check(imageModulation, channels: channels, "image.modulation")
        try check(imageWeight, 12 * channels, "image.weight")
        try check(imageBias, 12, "image.bias")
    }

    private func check(_ values: [Float], _ count: Int, _ name: String) throws {
        guard values.count == count else {
            throw Failure(
                "MobileStyleGAN weights", "have \(values.count) values in \(name) where \(count) belong",
                "import the generator again")
        }
    }

    private func check(_ modulation: Modulation, channels: Int, _ name: String) throws {
        try check(modulation.weight, channels * latentSize, "\(name).weight")
        try check(modulation.bias, channels, "\(name).bias")
    }

    private func check(_ convolution: Convolution, from c: Int, to m: Int, side: Int, _ name: String) throws {
        try check(convolution.modulation, channels: c, "\(name).modulation")
        try check(convolution.depthwise, c * 9, "\(name).depthwise")
        try check(convolution.pointwise, m * c, "\(name).pointwise")
        try check(convolution.noise, side * side, "\(name).noise")
        try check(convolution.bias, m, "\(name).bias")
    }
}
