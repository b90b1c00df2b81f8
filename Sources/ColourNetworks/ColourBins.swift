import Colourisation
import Core

/// Which colours a network tells apart: nodes of a grid over Cb and Cr, those alone that occur in photographs.
public struct ColourBins: Sendable, Codable, Equatable {
    /// Distance of neighbouring nodes, in 8-bit steps.
    public static let step: Float = 8
    /// Nodes go from −reach to reach.
    static let reach: Float = 96
    private static let side = Int(2 * reach / step) + 1

    /// Nodes of the grid, row of Cb by row, in rising order.
    public let nodes: [Int]
    /// For every node of the grid the bin of it, or the nearest one's.
    private let bins: [Int]

    /// - Parameter nodes: Nodes of the grid.
    /// - Throws: ``Core/Failure`` for none, or nodes that are not of the grid: a damaged file.
    public init(nodes: [Int]) throws {
        let sorted = Set(nodes).sorted()
        guard !nodes.isEmpty, sorted == nodes, sorted.allSatisfy({ 0..<ColourBins.side * ColourBins.side ~= $0 }) else {
            throw Failure("colour bins", "are no nodes of the grid", "get the file again", kind: .damaged)
        }
        self.nodes = nodes
        let centres = nodes.map(ColourBins.colour)
        bins = (0..<ColourBins.side * ColourBins.side).map { node in
            let colour = ColourBins.colour(node)
            return centres.indices.min {
                ColourBins.square(centres[$0] - colour) < ColourBins.square(centres[$1] - colour)
            } ?? 0
        }
    }

    public init(from decoder: any Decoder) throws {
        try self.init(nodes: decoder.singleValueContainer().decode([Int].self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(nodes)
    }

    /// How many colours there are.
    public var count: Int { nodes.count }

    /// Cb and Cr of each, in 8-bit steps.
    public var colours: [SIMD2<Float>] { nodes.map(ColourBins.colour) }

    /// Adds a colour's shares in its four nearest nodes.
    ///
    /// - Parameters:
    ///   - colour: Cb and Cr.
    ///   - weight: What it counts.
    ///   - shares: By bin; added to.
    ///   - start: Where the bins begin in it.
    package func add(_ colour: SIMD2<Float>, weight: Float = 1, to shares: inout [Float], at start: Int = 0) {
        for (node, share) in ColourBins.shares(of: colour) { shares[start + bins[node]] += weight * share }
    }

    /// The bin that a node of the grid is in.
    func bin(of node: Int) -> Int { bins[node] }

    /// The four nodes around a colour, with what each has of it.
    static func shares(of colour: SIMD2<Float>) -> [(node: Int, share: Float)] {
        let place = (colour + reach) / step
        let inside = place.clamped(lowerBound: SIMD2(repeating: 0), upperBound: SIMD2(repeating: Float(side - 1)))
        let (b, r) = (min(Int(inside.x), side - 2), min(Int(inside.y), side - 2))
        let (fb, fr) = (inside.x - Float(b), inside.y - Float(r))
        return [
            (b * side + r, (1 - fb) * (1 - fr)), (b * side + r + 1, (1 - fb) * fr),
            ((b + 1) * side + r, fb * (1 - fr)), ((b + 1) * side + r + 1, fb * fr),
        ]
    }

    /// Nodes of the grid in all.
    static var gridCount: Int { side * side }

    private static func colour(_ node: Int) -> SIMD2<Float> {
        SIMD2(Float(node / side), Float(node % side)) * step - reach
    }

    private static func square(_ d: SIMD2<Float>) -> Float { (d * d).sum() }
}

/// How often colours occur in photographs, gathered picture by picture: which of them a network need know, and what each counts.
package struct ColourFrequencies {
    private var shares = [Double](repeating: 0, count: ColourBins.gridCount)

    package init() {}

    package mutating func add(_ chroma: Chroma) {
        for i in chroma.cb.values.indices {
            for (node, share) in ColourBins.shares(of: SIMD2(chroma.cb.values[i], chroma.cr.values[i])) {
                shares[node] += Double(share)
            }
        }
    }

    /// The colours that make up more than a share of all pixels.
    ///
    /// - Parameter least: The share of pixels from which on a colour is known.
    /// - Returns: The colours.
    /// - Throws: ``Core/Failure`` when nothing was counted.
    package func bins(least: Double = 2e-5) throws -> ColourBins {
        let total = max(1e-12, shares.reduce(0, +))
        return try ColourBins(nodes: shares.indices.filter { shares[$0] / total > least })
    }

    /// What each colour counts in a loss.
    ///
    /// As in Zhang and others, "Colorful Image Colorization", 2016: 1 over the mixture of a colour's frequency and a uniform one,
    /// so that rare colours are not drowned by grey ones; 1 in the mean over all pixels.
    ///
    /// - Parameters:
    ///   - bins: The colours.
    ///   - uniform: The share of the uniform distribution; 1 counts all colours alike.
    /// - Returns: By bin.
    package func weights(of bins: ColourBins, uniform: Double) -> [Float] {
        let total = max(1e-12, shares.reduce(0, +))
        var known = [Double](repeating: 0, count: bins.count)
        for node in shares.indices { known[bins.bin(of: node)] += shares[node] / total }
        let raw = known.map { 1 / max(1e-12, (1 - uniform) * $0 + uniform / Double(known.count)) }
        let mean = zip(raw, known).reduce(0) { $0 + $1.0 * $1.1 }
        return raw.map { Float($0 / mean) }
    }
}
