import Foundation

extension AttributeClassifier {
    /// The file of one of the classifiers that come with the program: `faces`, which scores, `plain`, a small second
    /// one that descents ask too, or `resnext`, which judges.
    ///
    /// - Parameter name: Its name.
    /// - Returns: The path; nil when none of that name comes with the program.
    public static func shippedPath(named name: String) -> String? {
        guard name.utf8.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }) else { return nil }
        return Bundle.module.path(
            forResource: "\(name).classifier", ofType: "safetensors", inDirectory: "Resources")
    }
}
