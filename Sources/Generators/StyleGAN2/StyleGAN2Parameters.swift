import Core

/// The weights of a StyleGAN2 synthesis network (Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020),
/// with every run-time scale of the equalised learning rate folded in.
///
/// Letters: i input and o output channels of a convolution, r pixels along a side of its output, d the latent size.
public struct StyleGAN2Parameters: Sendable, Equatable {
    /// How the levels make the image (figure 7 of the paper).
    public enum Architecture: String, Sendable, CaseIterable {
        /// Every level adds to the image.
        case skip
        /// The last level alone makes it.
        case orig
        /// As `orig`, with a residual connection in each level.
        case resnet
    }

    /// A style's linear map: s = weight · w + bias.
    public struct Modulation: Sendable, Equatable {
        /// [i, d].
        public var weight: [Float]
        /// [i], the 1 that styles are centred on included.
        public var bias: [Float]

        /// All parts as they are; nothing is checked.
        public init(weight: [Float], bias: [Float]) {
            self.weight = weight
            self.bias = bias
        }
    }

    /// Modulated 3×3 convolution, noise, bias, leaky ReLU (slope 0.2, gain √2).
    public struct Convolution: Sendable, Equatable {
        /// i values.
        public var modulation: Modulation
        /// [o, i, 3, 3]; of an upsampling convolution as the transposed convolution of PyTorch has it.
        public var weight: [Float]
        /// [r, r], the noise constants.
        public var noise: [Float]
        /// What noise is multiplied by.
        public var noiseStrength: Float
        /// [o].
        public var bias: [Float]

        /// All parts as they are; nothing is checked.
        public init(modulation: Modulation, weight: [Float], noise: [Float], noiseStrength: Float, bias: [Float]) {
            self.modulation = modulation
            self.weight = weight
            self.noise = noise
            self.noiseStrength = noiseStrength
            self.bias = bias
        }
    }

    /// Modulated 1×1 convolution to red, green and blue, without demodulation.
    public struct Image: Sendable, Equatable {
        /// i values.
        public var modulation: Modulation
        /// [3, i].
        public var weight: [Float]
        /// [3].
        public var bias: [Float]

        /// All parts as they are; nothing is checked.
        public init(modulation: Modulation, weight: [Float], bias: [Float]) {
            self.modulation = modulation
            self.weight = weight
            self.bias = bias
        }
    }

    /// One resolution, from 4 pixels a side doubling.
    public struct Level: Sendable, Equatable {
        /// The upsampling convolution; nil at 4×4.
        public var first: Convolution?
        public var second: Convolution
        /// The level's image; always there in `skip`, else in the last level only.
        public var image: Image?
        /// [o, i] of the residual connection; in `resnet` only, not at 4×4.
        public var residual: [Float]?

        /// All parts as they are; nothing is checked.
        public init(first: Convolution? = nil, second: Convolution, image: Image? = nil, residual: [Float]? = nil) {
            self.first = first
            self.second = second
            self.image = image
            self.residual = residual
        }
    }

    public var architecture: Architecture
    /// d.
    public var latentSize: Int
    /// [c, 4, 4].
    public var constant: [Float]
    /// From 4×4 pixels up.
    public var levels: [Level]
    /// Taps of the resampling filter, [f, f] with f even and the sum 1: [1, 3, 3, 1] ⊗ [1, 3, 3, 1] / 64 in practice.
    public var filter: [Float]
    /// Activations are limited to ± this; nil for no limit.
    public var clamp: Float?

    /// All parts as they are; nothing is checked.
    public init(
        architecture: Architecture, latentSize: Int, constant: [Float], levels: [Level], filter: [Float], clamp: Float?
    ) {
        self.architecture = architecture
        self.latentSize = latentSize
        self.constant = constant
        self.levels = levels
        self.filter = filter
        self.clamp = clamp
    }

    /// Pixels along a side of the image.
    public var resolution: Int { 4 << (levels.count - 1) }

    /// Rows of W+: two a level.
    public var styleRows: Int { 2 * levels.count }

    /// f.
    public var filterSize: Int { Int(Double(filter.count).squareRoot().rounded()) }

    /// The filter of every published network.
    public static let usualFilter: [Float] = [1, 3, 3, 1].flatMap { a in [1, 3, 3, 1].map { Float(a * $0) / 64 } }
}

extension StyleGAN2Parameters {
    /// - Throws: ``Failure`` naming the first array whose length does not follow from the others, or that is not finite.
    public func check(_ name: String) throws {
        guard latentSize > 0, latentSize <= 8192, (1...10).contains(levels.count), !constant.isEmpty,
            constant.count % 16 == 0
        else { throw Failure(name, "has latents or levels that are not a StyleGAN2's") }
        guard filterSize * filterSize == filter.count, filterSize % 2 == 0, (2...8).contains(filterSize) else {
            throw Failure(name, "has a resampling filter of \(filter.count) taps", "known are square ones of even size")
        }
        try check(filter, filter.count, "the filter", name)
        try check(constant, constant.count, "the constant", name)
        var channels = constant.count / 16
        for (k, level) in levels.enumerated() {
            let side = 4 << k
            let place = "level \(side)x\(side)"
            guard (level.first == nil) == (k == 0) else { throw Failure(name, "lacks a convolution in \(place)") }
            let inputs = channels
            if let first = level.first { channels = try check(first, from: channels, side: side, place, name) }
            channels = try check(level.second, from: channels, side: side, place, name)
            if let residual = level.residual { try check(residual, channels * inputs, "\(place) residual", name) }
            guard (level.residual != nil) == (architecture == .resnet && k > 0),
                (level.image != nil) == (architecture == .skip || k == levels.count - 1)
            else {
                throw Failure(name, "has parts in \(place) that a network of kind \(architecture.rawValue) has not")
            }
            if let image = level.image {
                try check(image.modulation, channels: channels, "\(place) image", name)
                try check(image.weight, 3 * channels, "\(place) image", name)
                try check(image.bias, 3, "\(place) image", name)
            }
        }
    }

    private func check(_ values: [Float], _ count: Int, _ place: String, _ name: String) throws {
        guard values.count == count else {
            throw Failure(name, "has \(values.count) values in \(place) where \(count) belong", "get the file again")
        }
        guard Vectors.areFinite(values) else {
            throw Failure(name, "has values in \(place) that are not finite", "get the file again")
        }
    }

    private func check(_ modulation: Modulation, channels: Int, _ place: String, _ name: String) throws {
        try check(modulation.weight, channels * latentSize, "\(place) modulation", name)
        try check(modulation.bias, channels, "\(place) modulation", name)
    }

    /// - Returns: The output channels.
    private func check(
        _ convolution: Convolution, from inputs: Int, side: Int, _ place: String, _ name: String
    ) throws -> Int {
        try check(convolution.modulation, channels: inputs, place, name)
        let outputs = convolution.bias.count
        guard (1...8192).contains(outputs), convolution.noiseStrength.isFinite else {
            throw Failure(name, "has \(outputs) channels in \(place)", "get the file again")
        }
        try check(convolution.bias, outputs, place, name)
        try check(convolution.weight, outputs * inputs * 9, "\(place) weight", name)
        try check(convolution.noise, side * side, "\(place) noise", name)
        return outputs
    }
}
