import Core
import Foundation

/// What methods of colouring were worth on some photographs, as a table.
public struct ColorizationRun: Sendable, Equatable {
    /// A figure of a method.
    public struct Figure: Sendable, Equatable {
        /// Such as `lpips`.
        public var name: String
        public var value: Double
        /// The interval of 95 %; nil where there is none.
        public var low: Double?
        public var high: Double?

        public init(name: String, value: Double, low: Double? = nil, high: Double? = nil) {
            self.name = name
            self.value = value
            self.low = low
            self.high = high
        }
    }

    /// A method with its figures.
    public struct Row: Sendable, Equatable {
        /// Such as `tint-luminance`.
        public var method: String
        /// For people.
        public var title: String
        public var figures: [Figure]

        public init(method: String, title: String, figures: [Figure]) {
            self.method = method
            self.title = title
            self.figures = figures
        }
    }

    /// SHA-256 over the photographs' SHA-256, in their order.
    public var pictures: String
    /// Where they lay.
    public var folder: String
    /// How many they are.
    public var count: Int
    /// The folder that FID and KID are taken against; nil for the photographs themselves.
    public var reference: String?
    /// In the table's order.
    public var rows: [Row]

    public init(pictures: String, folder: String, count: Int, reference: String?, rows: [Row]) {
        self.pictures = pictures
        self.folder = folder
        self.count = count
        self.reference = reference
        self.rows = rows
    }
}

extension LatentStore {
    /// Stores a table of methods in one transaction.
    ///
    /// - Throws: ``Failure`` when the database can't be written; nothing is stored then.
    public func insert(_ run: ColorizationRun) throws {
        try write { db in
            try db.execute(
                "INSERT INTO colorization_runs (pictures, folder, count, reference, created) VALUES (?, ?, ?, ?, ?)",
                [run.pictures, run.folder, run.count, run.reference, LatentStore.now()])
            let id = try db.value(Int64.self, "SELECT last_insert_rowid()") ?? 0
            for (position, row) in run.rows.enumerated() {
                for figure in row.figures {
                    try db.execute(
                        """
                        INSERT INTO colorization_figures (run, position, method, title, figure, value, low, high)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                        """,
                        [id, position, row.method, row.title, figure.name, figure.value, figure.low, figure.high])
                }
            }
        }
    }

    /// The newest table of methods; nil where there is none.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func newestColorizationRun() throws -> ColorizationRun? {
        try read { db in
            guard try LatentStore.has(table: "colorization_runs", db) else { return nil }
            let runs = try db.map("SELECT * FROM colorization_runs ORDER BY id DESC LIMIT 1") { head in
                (
                    id: try head["id"] as Int64,
                    run: try ColorizationRun(
                        pictures: head["pictures"], folder: head["folder"], count: head["count"],
                        reference: head["reference"], rows: [])
                )
            }
            guard let (id, head) = runs.first else { return nil }
            var run = head
            var last = -1
            try db.forEachRow(
                "SELECT * FROM colorization_figures WHERE run = ? ORDER BY position, figure", [id]
            ) { row in
                let position: Int = try row["position"]
                if position != last {
                    run.rows.append(try .init(method: row["method"], title: row["title"], figures: []))
                }
                last = position
                run.rows[run.rows.count - 1].figures.append(
                    try .init(name: row["figure"], value: row["value"], low: row["low"], high: row["high"]))
            }
            return run
        }
    }
}
