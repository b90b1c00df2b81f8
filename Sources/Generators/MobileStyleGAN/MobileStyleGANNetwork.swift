import CSynthesis

/// Lends the arrays of ``MobileStyleGANParameters`` to C for the length of one call.
struct MobileStyleGANNetwork {
    private let parameters: MobileStyleGANParameters

    init(_ parameters: MobileStyleGANParameters) {
        self.parameters = parameters
    }

    /// Calls `body` with the network; its pointers end with the call.
    func withNetwork<Result>(_ body: (ms_network) throws -> Result) throws -> Result {
        let loan = Loan()
        let layers = parameters.layers.map { layer in
            ms_layer(
                channels: Int32(layer.channels), up: loan.modulation(layer.up), first: loan.convolution(layer.first),
                second: loan.convolution(layer.second))
        }
        let network = ms_network(
            latent: Int32(parameters.latentSize), start_resolution: Int32(parameters.startResolution),
            start_channels: Int32(parameters.startChannels), layer_count: Int32(layers.count), slope: parameters.slope,
            constant: loan.pointer(parameters.constant),
            start_modulation: loan.modulation(parameters.startModulation),
            start_weight: loan.pointer(parameters.startWeight), start_noise: loan.pointer(parameters.startNoise),
            start_bias: loan.pointer(parameters.startBias), layers: nil,
            image_modulation: loan.modulation(parameters.imageModulation),
            image_weight: loan.pointer(parameters.imageWeight), image_bias: loan.pointer(parameters.imageBias))
        return try layers.withUnsafeBufferPointer { layers in
            var network = network
            network.layers = layers.baseAddress
            return try withExtendedLifetime(loan) { try body(network) }
        }
    }
}

extension Loan {
    func modulation(_ modulation: MobileStyleGANParameters.Modulation) -> ms_modulation {
        ms_modulation(
            weight: pointer(modulation.weight), bias: pointer(modulation.bias), scale: modulation.scale)
    }

    func convolution(_ convolution: MobileStyleGANParameters.Convolution) -> ms_convolution {
        ms_convolution(
            modulation: modulation(convolution.modulation), depthwise: pointer(convolution.depthwise),
            pointwise: pointer(convolution.pointwise), noise: pointer(convolution.noise),
            bias: pointer(convolution.bias))
    }
}
