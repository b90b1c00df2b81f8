import ArgumentParser
import Core
import Directions
import Tensors

/// Where the work lies; every verb takes it.
package struct WorkspaceOption: ParsableArguments {
    package init() {}

    @Option(help: "The workspace folder (default: $DIRECTIONS_WORKSPACE, else ./workspace).") package var workspace:
        String?

    /// The workspace that was asked for.
    package var value: Workspace { Workspace(workspace) }

    /// A session on it that tells the terminal of progress.
    package var session: Session { Session(workspace: value, context: Terminal.context) }
}

/// Where libtorch computes; the verbs that synthesize, score or train take it.
package struct DeviceOption: ParsableArguments {
    package init() {}

    @Option(help: "Where to compute: cpu, cuda, cuda:N, or auto (CUDA where this build of libtorch has it).")
    package var device = "auto"

    @Flag(help: "On CUDA: products in TF32, faster and to about three digits, instead of float32.") package var tf32 =
        false

    /// The device that was asked for, with CUDA's modes set.
    ///
    /// - Throws: `Failure` (usage) for a name or a CUDA device that there is not.
    package var value: Device {
        get throws {
            let found = try Device.named(device)
            if found != .cpu { try Torch.setCUDAModes(deterministic: false, tf32: tf32) }
            return found
        }
    }
}

/// Half precision; the verbs that synthesize take it.
package struct HalfOption: ParsableArguments {
    package init() {}

    @Flag(
        name: .customLong("half"),
        help:
            "Half precision in the generator's four largest levels: for CUDA, where it saves a third of the time; images differ slightly. A StyleGAN2 has to be trained with it."
    )
    package var isHalf = false
}
