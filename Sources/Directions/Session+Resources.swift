import Classifiers
import Core
import Foundation
import Generators
import Tensors

/// What verbs open of a workspace.
extension Session {
    /// What an imported generator is, without its weights.
    ///
    /// - Throws: ``Core/Failure``: there is none of that name (not found), or its description is damaged.
    public func generatorIdentity(_ name: String = "default") throws -> GeneratorIdentity {
        try GeneratorIdentity.read(folder: generatorFolder(name))
    }

    /// The names of the imported generators, in alphabetical order.
    public var generatorNames: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: workspace.models)) ?? []
        return names.filter { FileManager.default.fileExists(atPath: workspace.generator($0) + "/model.json") }.sorted()
    }

    /// The model folder of a generator's name; `default` also means the only one there is, whatever it is called.
    ///
    /// - Throws: ``Core/Failure`` (not found) with the names that there are where `default` could mean several.
    func generatorFolder(_ name: String) throws -> String {
        let names = generatorNames
        if name != "default", !names.isEmpty, !names.contains(name) {
            throw Failure(
                "generator \(name)", "is not in \(workspace.models)",
                "there are \(names.joined(separator: ", ")); import it under that name with `directions import`",
                kind: .notFound)
        }
        if name != "default" { return workspace.generator(name) }
        if names.isEmpty || names.contains(name) { return workspace.generator(name) }
        guard names.count == 1 else {
            throw Failure(
                "generator default", "is not in \(workspace.models)", "name one of \(names.joined(separator: ", "))",
                kind: .notFound)
        }
        return workspace.generator(names[0])
    }

    /// The classifier of a file, of a name in the workspace, or of one that comes with the program.
    ///
    /// - Parameters:
    ///   - name: Nil for the one that comes with the program for scoring.
    ///   - device: Where to compute.
    /// - Returns: It, ready to score.
    /// - Throws: ``Core/Failure`` (usage) when there is neither such a file nor such a name.
    func classifier(_ name: String?, device: Device = .cpu) throws -> AttributeClassifier {
        try AttributeClassifier.load(path: try classifierPath(name), device: device)
    }

    /// The file of a classifier's name or path; nil for the one that comes with the program.
    ///
    /// A name is looked for in the workspace first, then among those that come with the program.
    ///
    /// - Throws: ``Core/Failure`` (usage) when there is neither such a file nor such a name.
    public func classifierPath(_ name: String?) throws -> String? {
        guard let name else { return nil }
        if FileManager.default.fileExists(atPath: name) { return name }
        let path = workspace.classifier(name)
        if FileManager.default.fileExists(atPath: path) { return path }
        if let shipped = AttributeClassifier.shippedPath(named: name) { return shipped }
        throw Failure(
            name, "is neither a file nor a classifier in \(workspace.models)",
            "train one of that name with `directions train`", kind: .usage)
    }

    /// Checks that a name is that of one file or folder of the workspace.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a name that is empty, hidden or a path.
    static func checkName(_ name: String) throws {
        guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/") else {
            throw Failure("name \(name)", "is not a name", "use letters, digits and hyphens", kind: .usage)
        }
    }
}
