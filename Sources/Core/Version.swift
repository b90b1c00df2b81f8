/// The program's own version.
public enum Version {
    /// Semantic version, written into every file the program makes.
    public static let current = "0.1.0"
}
