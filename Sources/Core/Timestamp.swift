import Foundation

/// Times as files and the database state them.
public enum Timestamp {
    /// When a file says it was made: now, or `$SOURCE_DATE_EPOCH` (seconds since 1970), ISO 8601 in UTC.
    ///
    /// With that variable set, equal inputs make equal bytes; see reproducible-builds.org.
    public static func ofCreation() -> String {
        let fixed = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"].flatMap { Double($0) }
        return ISO8601DateFormatter().string(from: fixed.map { Date(timeIntervalSince1970: $0) } ?? Date())
    }
}
