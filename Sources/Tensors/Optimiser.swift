import CTorch
import Core

/// Updates parameters from their gradients.
///
/// The state (moments, step count) is public so that a checkpoint can carry it.
public final class Optimiser {
    /// The rule of an update.
    public enum Method: Sendable, Equatable {
        /// Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
        case adamW(beta1: Double, beta2: Double, epsilon: Double)
        /// Gradient descent with momentum; weight decay is added to the gradient.
        case sgd(momentum: Double)
    }

    public let method: Method
    public let parameters: [Tensor]
    /// Weight decay of each parameter.
    public let decays: [Double]
    /// AdamW: first moments, then second moments; SGD: velocities.
    ///
    /// Each shaped as its parameter.
    public let state: [Tensor]
    /// Updates made so far.
    public var step = 0

    /// - Throws: ``Core/Failure`` when memory for the state runs out.
    public init(_ method: Method, parameters: [Tensor], decays: [Double]) throws {
        precondition(parameters.count == decays.count)
        self.method = method
        self.parameters = parameters
        self.decays = decays
        let copies =
            switch method {
            case .adamW: 2
            case .sgd: 1
            }
        state = try (0..<copies).flatMap { _ in
            try Torch.withoutGradients { try parameters.map { try $0.detached().scaled(by: 0) } }
        }
    }

    /// Makes one update at a learning rate and forgets the gradients.
    ///
    /// - Parameters:
    ///   - rate: The learning rate.
    ///   - clip: Largest common norm of all gradients; larger ones are scaled down first.
    /// - Returns: The gradients' norm before clipping, or 0 without `clip`.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    @discardableResult
    public func update(rate: Double, clip: Double? = nil) throws -> Double {
        let handles: [ct_tensor?] = parameters.map(\.raw)
        let moments: [ct_tensor?] = state.map(\.raw)
        let count = Int32(handles.count)
        var norm = 0.0
        if let clip { try Torch.check(ct_clip_gradients(handles, count, clip, &norm)) }
        step += 1
        switch method {
        case .adamW(let beta1, let beta2, let epsilon):
            let second = Array(moments[parameters.count...])
            try Torch.check(
                ct_adamw_step(handles, moments, second, decays, count, Int64(step), rate, beta1, beta2, epsilon))
        case .sgd(let momentum):
            try Torch.check(ct_sgd_step(handles, moments, decays, count, rate, momentum))
        }
        for parameter in parameters { try parameter.clearGradient() }
        return norm
    }
}
