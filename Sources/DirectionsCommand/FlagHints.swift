import Core

/// What a failure of the library is called on the command line.
///
/// The library names values ("count -1"); where a flag of the verb sets the value, its name is put behind the message.
enum FlagHints {
    /// Flags by the value's name, which a failure's subject begins with.
    private static let flags: [(value: String, flag: String)] = [
        ("the attributes", "--attr"), ("attribute", "--attr"), ("attribute list", "--attr"), ("average", "--average"),
        ("batch", "--batch"), ("bottom", "--bottom"), ("a matched bottom", "--matched"), ("code", "--code"),
        ("conditioning", "--condition-on"), ("count", "--count"), ("distil", "--distil"), ("epochs", "--epochs"),
        ("half precision", "--half"), ("limit", "--limit"), ("members", "--members"), ("name", "--name"),
        ("noise", "--noise"), ("order", "--order"), ("patience", "--patience"), ("pretrain", "--pretrain"),
        ("psi", "--psi"), ("rate", "--rate"), ("seed", "--seed"), ("shard", "--shard"), ("SQL", "--sql"),
        ("score-image", "--code"), ("sql", "--sql"), ("teacher", "--teacher"), ("the grid", "--out"),
        ("threads", "--threads"),
        ("thumbnails", "--thumbnails"), ("top", "--top"), ("weight decay", "--weight-decay"),
    ]

    /// Flags by a phrase of the advice.
    private static let advice: [(phrase: String, flag: String)] = [
        ("another workspace", "--workspace"), ("choose a class", "--class"), ("choose no class", "--class"),
        ("or force it", "--force"), ("begin the run anew", "without --resume"), ("resume it", "--resume"),
        ("import it as a direction", "--as direction"),
    ]

    /// The failure with the flags that it concerns behind its message.
    static func added(to failure: Failure) -> String {
        var hints: [String] = []
        if failure.kind == .usage || failure.kind == .conflict {
            hints += flags.filter { isNamed($0.value, in: failure.subject) }.map(\.flag)
        }
        hints += advice.filter { failure.advice.contains($0.phrase) }.map(\.flag)
        let unique = hints.enumerated().filter { !hints[..<$0.offset].contains($0.element) }.map(\.element)
        return failure.description + (unique.isEmpty ? "" : " (\(unique.joined(separator: ", ")))")
    }

    /// Whether a subject is the value, with or without what it was set to.
    private static func isNamed(_ value: String, in subject: String) -> Bool {
        subject == value || subject.hasPrefix(value + " ")
    }
}
