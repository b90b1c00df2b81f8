import Core
import DirectionFiles
import Foundation

extension DirectionLibrary {
    /// What an evaluation measured of a version; nil where it measured nothing.
    ///
    /// - Throws: ``Core/Failure`` naming a file that can't be read, or is no such file.
    public func metrics(of file: DirectionFile) throws -> DirectionMetrics? {
        guard let data = try metricsData(of: file) else { return nil }
        do {
            return try JSONDecoder().decode(DirectionMetrics.self, from: data)
        } catch {
            throw Failure(
                metricsPath(file.attribute, file.version), "is no file of measurements",
                "remove it and run `directions evaluate` again")
        }
    }

    /// Writes what an evaluation measured beside the version.
    ///
    /// - Throws: ``Core/Failure`` (input/output) naming the file.
    public func write(_ metrics: DirectionMetrics, of file: DirectionFile) throws {
        var metrics = metrics
        // What was measured on photographs stays when only generated faces are measured anew.
        if metrics.photographs == nil { metrics.photographs = try? self.metrics(of: file)?.photographs }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(
            encoder.encode(metrics) + Data("\n".utf8), to: metricsPath(file.attribute, file.version))
    }
}
