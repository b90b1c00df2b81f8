import Core

/// What a failure of the library is called on the command line.
///
/// The library names values ("count -1"); where a flag of the verb sets the value, its name is put behind the message.
package enum FlagHints {
    /// Flags by the value's name, which the subject of a failure begins with by contract.
    private static let flags: [(value: String, flag: String)] = [
        ("the attributes", "--attr"), ("attribute list", "--attr"), ("attribute", "--attr"), ("average", "--average"),
        ("batch", "--batch"), ("bottom", "--bottom"), ("a matched bottom", "--matched"),
        ("code space", "--code-space"), ("key", "--key"), ("code", "--code"), ("conditioning", "--condition-on"),
        ("count", "--count"), ("distil", "--distil"), ("epochs", "--epochs"), ("generator default", "--generator"),
        ("latents", "--latent"), ("half precision", "--half"), ("limit", "--limit"), ("members", "--members"),
        ("name", "--name"), ("noise", "--noise"), ("order", "--order"), ("patience", "--patience"),
        ("pretrain", "--pretrain"), ("psi", "--psi"), ("rate", "--rate"), ("seed", "--seed"), ("shard", "--shard"),
        ("SQL", "--sql"), ("score-image", "--code"), ("seconds", "--seconds"), ("budget", "--seconds"),
        ("sql", "--sql"), ("teacher", "--teacher"),
        ("toward mean", "--toward-mean"), ("frames", "--frames"), ("picture", "--out"), ("attributes", "--attr"),
        ("threads", "--threads"), ("C", "--c"), ("directions", "--direction"), ("faces", "--faces"),
        ("size", "--size"), ("steps", "--steps"), ("strengths", "--strength"), ("thumbnails", "--thumbnails"),
        ("top", "--top"), ("weight decay", "--weight-decay"),
    ]

    /// The failure's line, with the flag that sets the value behind it.
    package static func added(to failure: Failure) -> String {
        guard failure.kind == .usage || failure.kind == .conflict,
            let flag = flags.first(where: { isNamed($0.value, in: failure.subject) })?.flag
        else { return named(failure.description) }
        return named("\(failure) (\(flag))")
    }

    /// Values that stand in brackets, mostly behind a command: `directions fit [attribute smiling]`.
    private static let bracketed = [
        "attribute": "--attr", "generator": "--generator", "name": "--name", "replace": "--replace", "zip": "--zip",
    ]

    /// A text of the library, in which values that a person may set stand in backticks or brackets, with their flags.
    package static func named(_ text: String) -> String {
        let text = text.replacing(#/\[([a-z]+)(?: ([^\[\]`]+))?\]/#) { match in
            guard let flag = bracketed[String(match.1)] else { return String(match.0) }
            return match.2.map { "\(flag) \($0)" } ?? flag
        }
        return flags.reduce(text) { text, pair in
            // `directions import` and its like are commands.
            pair.value == "directions" ? text : text.replacing("`\(pair.value) ", with: "`\(pair.flag) ")
        }
    }

    /// Whether a subject is the value, with or without what it was set to.
    private static func isNamed(_ value: String, in subject: String) -> Bool {
        subject == value || subject.hasPrefix(value + " ")
    }
}
