import Foundation
import Synchronization

/// Whether the user asked the process to stop (Ctrl-C, SIGTERM).
///
/// Long stages ask ``check()`` between units of work, after which everything finished so far is saved and the same
/// command goes on from there.
public enum Interruption {
    private static let flag = Atomic<Bool>(false)

    /// Catches SIGINT and SIGTERM: the first asks for a clean stop, a second ends the process at once.
    public static func catchSignals() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { received in
                if Interruption.flag.exchange(true, ordering: .relaxed) { _exit(128 + received) }
            }
        }
    }

    /// True once a stop was asked for.
    public static var requested: Bool { flag.load(ordering: .relaxed) }

    /// Asks for a stop, as a signal does.
    public static func request() { flag.store(true, ordering: .relaxed) }

    /// - Throws: ``Failure`` once a stop was asked for.
    public static func check() throws {
        if requested {
            throw Failure("stopped", "on request; what was finished is saved", "run the same command again to go on")
        }
    }
}
