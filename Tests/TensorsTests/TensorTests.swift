import Core
import Foundation
import Tensors
import Testing

@Suite struct TensorTests {
    @Test func numbersSurviveTheRoundTrip() throws {
        let tensor = try Tensor([1, -2, 3.5, 0, 5, 6], shape: [2, 3])
        #expect(tensor.shape == [2, 3])
        #expect(tensor.count == 6)
        #expect(try tensor.permuted([1, 0]).floats() == [1, 0, -2, 5, 3.5, 6])
        #expect(try tensor.to(type: .float16).floats() == [1, -2, 3.5, 0, 5, 6])
    }

    @Test func emptyTensorsAreFine() throws {
        #expect(try Tensor([], shape: [0, 3]).floats().isEmpty)
    }

    @Test func wrongSizesAreFailuresNotCrashes() throws {
        #expect(throws: Failure.self) { try Tensor([1, 2, 3], shape: [2, 2]) }
        #expect(throws: Failure.self) { try Tensor([], shape: [Int.max, 4]) }
        #expect(throws: Failure.self) { try Tensor([], shape: [-1]) }
        let a = try Tensor([1, 2], shape: [2])
        #expect(throws: Failure.self) { try a.added(to: try Tensor([1, 2, 3], shape: [3])) }
        #expect(throws: Failure.self) { try a.convolved(a) }
        #expect(throws: Failure.self) { try a.gradient() }
        #expect(throws: Failure.self) { try a.reshaped([5]) }
        #expect(throws: Failure.self) { try Tensor.zeros([1 << 40, 1 << 12]) }
        #expect(throws: Failure.self) { try Tensor.concatenated([], axis: 0) }
    }

    @Test func theErrorTellsTheReason() throws {
        do {
            _ = try Tensor([1, 2], shape: [2]).added(to: try Tensor([1, 2, 3], shape: [3]))
            Issue.record("no error")
        } catch let failure as Failure {
            #expect(failure.problem.contains("must match"))
        }
    }

    @Test func gradientsOfASquare() throws {
        let x = try Tensor([1, 2, -3], shape: [3]).requiringGradient()
        try x.squared().sum().backward()
        #expect(try x.gradient().floats() == [2, 4, -6])
        try x.clearGradient()
        #expect(throws: Failure.self) { try x.gradient() }
        let found = try x.squared().gradients(of: [x], cotangent: try Tensor([1, 0, 10], shape: [3]))
        #expect(try found[0].floats() == [2, 0, -60])
        #expect(throws: Failure.self) { try Torch.withoutGradients { try x.squared().sum() }.backward() }
    }

    @Test func convolutionByHand() throws {
        let x = try Tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], shape: [1, 1, 3, 3])
        let weight = try Tensor([1, 0, 0, 1], shape: [1, 1, 2, 2])
        #expect(try x.convolved(weight).floats() == [6, 8, 12, 14])
        #expect(try x.convolved(weight, stride: 2, padding: 1).floats() == [1, 3, 7, 14])
    }

    @Test func areaResizeAverages() throws {
        let x = try Tensor((0..<16).map(Float.init), shape: [1, 1, 4, 4])
        #expect(try x.resized(height: 2, width: 2, mode: .area).floats() == [2.5, 4.5, 10.5, 12.5])
    }

    @Test func crossEntropyByHand() throws {
        let loss = try Tensor([0, 2], shape: [1, 2]).crossEntropy(try Tensor([1, 0], shape: [1, 2])).item()
        #expect(abs(loss - Float((log(2.0) + log1p(exp(2.0))) / 2)) < 1e-6)
    }

    /// Two steps of AdamW against the update rule of Loshchilov and Hutter worked out in double precision.
    @Test func adamWFollowsThePaper() throws {
        let p = try Tensor([1], shape: [1]).requiringGradient()
        let optimiser = try Optimiser(.adamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-8), parameters: [p], decays: [0.1])
        var value = 1.0, m = 0.0, v = 0.0
        for t in 1...2 {
            try p.squared().sum().backward()
            try optimiser.update(rate: 0.01)
            let g = 2 * value
            m = 0.9 * m + 0.1 * g
            v = 0.99 * v + 0.01 * g * g
            let mean = m / (1 - pow(0.9, Double(t)))
            let spread = (v / (1 - pow(0.99, Double(t)))).squareRoot()
            value = value * (1 - 0.01 * 0.1) - 0.01 * mean / (spread + 1e-8)
        }
        #expect(abs(Double(try p.detached().item()) - value) < 1e-6)
    }

    @Test func momentumAndClipping() throws {
        let p = try Tensor([3, 4], shape: [2]).requiringGradient()
        let optimiser = try Optimiser(.sgd(momentum: 0.5), parameters: [p], decays: [0])
        try p.squared().sum().backward()
        #expect(abs(try optimiser.update(rate: 1, clip: 1) - 10) < 1e-5)
        let moved = try p.detached().floats()
        #expect(abs(moved[0] - 2.4) < 1e-5 && abs(moved[1] - 3.2) < 1e-5)
    }

    @Test func devicesByName() throws {
        #expect(try Device.named("cpu") == .cpu)
        #expect(throws: Failure.self) { try Device.named("tpu") }
        #expect(throws: Failure.self) { try Device.named("cuda:99") }
    }
}
