import Core
import DirectionFiles
import Evaluation
import Foundation

extension DirectionLibrary {
    /// The bytes of what `evaluate` measured of a version; nil where it measured nothing.
    ///
    /// - Throws: ``Core/Failure`` naming a file that can't be read.
    public func metricsData(of file: DirectionFile) throws -> Data? {
        let path = metricsPath(file.attribute, file.version)
        return FileManager.default.fileExists(atPath: path) ? try AtomicFile.read(path) : nil
    }

    /// What `evaluate` measured of a version; nil where it measured nothing.
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
}
