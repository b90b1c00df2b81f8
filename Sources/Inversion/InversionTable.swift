import Foundation

/// What ways to find codes of photographs are worth.
public struct InversionTable: Sendable, Codable, Equatable {
    /// A way with its figures, means over the photographs.
    public struct Row: Sendable, Codable, Equatable {
        /// What it is called in requests and files.
        public var method: String
        /// What it is called for people.
        public var title: String
        /// The mean squared error at 256², of pictures in [-1, 1].
        public var l2: Double
        /// LPIPS by AlexNet at 256².
        public var lpips: Double
        /// The cosine of face embeddings; nil where nobody measured it.
        public var identity: Double?
        /// Seconds a photograph; nil where nobody measured them.
        public var seconds: Double?

        public init(
            method: String, title: String, l2: Double, lpips: Double, identity: Double? = nil, seconds: Double? = nil
        ) {
            self.method = method
            self.title = title
            self.l2 = l2
            self.lpips = lpips
            self.identity = identity
            self.seconds = seconds
        }
    }

    /// Photographs that were measured.
    public var count: Int
    /// The generator's name.
    public var generator: String
    /// Whether methods saw the photographs without colours; they are compared in colour all the same.
    public var isGrey: Bool
    /// The network that identity was measured by, as people call it; nil in tables of versions that did not tell it.
    public var judge: String?
    /// What was measured here.
    public var rows: [Row]

    public init(count: Int, generator: String, isGrey: Bool, judge: String? = nil, rows: [Row]) {
        self.count = count
        self.generator = generator
        self.isGrey = isGrey
        self.judge = judge
        self.rows = rows
    }

    /// Published figures on CelebA-HQ's test part with StyleGAN2-FFHQ, as context: of colour pictures GANInverter's benchmark (2,824
    /// photographs, an RTX 3090; identity is by another network than here), of grey ones the paper's Table I.
    public static func published(isGrey: Bool) -> [Row] {
        if isGrey {
            return [
                Row(method: "published-psp", title: "pSp (paper's Table I)", l2: 0.0774, lpips: 0.3276),
                Row(method: "published-hfgi", title: "HFGI (paper's Table I)", l2: 0.0290, lpips: 0.1784),
                Row(method: "published-histogram", title: "pSp + 2D histogram (same)", l2: 0.0416, lpips: 0.2066),
            ]
        }
        return [
            Row(
                method: "published-psp", title: "pSp (published)", l2: 0.0345, lpips: 0.159, identity: 0.56,
                seconds: 0.041),
            Row(
                method: "published-e4e", title: "e4e (published)", l2: 0.0472, lpips: 0.197, identity: 0.50,
                seconds: 0.042),
            Row(
                method: "published-hfgi", title: "HFGI on e4e (published)", l2: 0.0210, lpips: 0.117, identity: 0.68,
                seconds: 0.067),
            Row(
                method: "published-optimise", title: "W+, 1,000 steps (published)", l2: 0.0242, lpips: 0.109,
                identity: 0.77),
        ]
    }

    /// The heads of the columns, and a row of text for each way, published ones last.
    public var cells: (heads: [String], rows: [[String]]) {
        let all = rows + InversionTable.published(isGrey: isGrey)
        let texts = all.map { row in
            [
                row.title, String(format: "%.4f", row.l2), String(format: "%.3f", row.lpips),
                row.identity.map { String(format: "%.2f", $0) } ?? "",
                row.seconds.map { String(format: $0 < 1 ? "%.3f" : "%.1f", $0) } ?? "",
            ]
        }
        return (["", "L2", "LPIPS", judge.map { "identity (\($0))" } ?? "identity", "seconds"], texts)
    }

    /// The table as Markdown.
    public var markdown: String {
        let (heads, rows) = cells
        let rule = heads.indices.map { $0 == 0 ? "---" : "---:" }
        return ([heads, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }
}
