import Foundation

extension Image {
    /// Columns and rows of smaller pictures that this one is put together of, or nil when it looks like a single one.
    ///
    /// Pictures in a grid are told by even bands of one colour between them, as this program's sheets and torchvision's have, or by
    /// edges that cross the whole picture at even steps. A single photograph has neither, wherever its subject lies.
    public var gridCells: (columns: Int, rows: Int)? {
        guard width >= 64, height >= 64 else { return nil }
        let sideways = Profile(self, alongRows: false), downwards = Profile(self, alongRows: true)
        if let cells = Image.cells(sideways.bandCells, downwards.bandCells, width, height) { return cells }
        return Image.cells(sideways.edgeCells, downwards.edgeCells, width, height)
    }

    /// A grid of cells that are about square; a single row or column must be of at least two.
    private static func cells(_ columns: [Int], _ rows: [Int], _ width: Int, _ height: Int) -> (
        columns: Int, rows: Int
    )? {
        var best: (columns: Int, rows: Int)?
        for columns in columns + [1] {
            for rows in rows + [1] where columns * rows > 1 {
                let ratio = Double(width) / Double(columns) / (Double(height) / Double(rows))
                guard (0.62...1.6).contains(ratio) else { continue }
                // Two halves of a square would not be square; of several counts the largest is the grid's.
                if best.map({ $0.columns * $0.rows < columns * rows }) ?? true { best = (columns, rows) }
            }
        }
        return best
    }
}

/// What a picture does along one of its axes: how much neighbouring lines differ, and which lines are of one colour.
private struct Profile {
    /// Mean absolute difference of each line to the one before; the first is 0.
    private var steps: [Float]
    /// The share of each line's pixels that change by more than a little.
    private var crossings: [Float]
    private var isUniform: [Bool]

    /// - Parameters:
    ///   - image: The picture.
    ///   - alongRows: Whether the lines are rows, one below the other.
    init(_ image: Image, alongRows: Bool) {
        let count = alongRows ? image.height : image.width
        let length = alongRows ? image.width : image.height
        let (lineStep, pixelStep) = alongRows ? (3 * image.width, 3) : (3, 3 * image.width)
        // Some 512 pixels of each line tell enough.
        let stride = max(1, length / 512)
        steps = [Float](repeating: 0, count: count)
        crossings = steps
        isUniform = [Bool](repeating: false, count: count)
        image.pixels.withUnsafeBufferPointer { pixels in
            for line in 0..<count {
                var (sum, crossing, number) = (0, 0, 0)
                var (low, high) = ([255, 255, 255], [0, 0, 0])
                var k = 0
                while k < length {
                    let at = line * lineStep + k * pixelStep
                    var step = 0
                    for c in 0..<3 {
                        let value = Int(pixels[at + c])
                        low[c] = min(low[c], value)
                        high[c] = max(high[c], value)
                        if line > 0 { step += abs(value - Int(pixels[at + c - lineStep])) }
                    }
                    sum += step
                    crossing += step > 24 ? 1 : 0
                    number += 1
                    k += stride
                }
                steps[line] = Float(sum) / Float(number)
                crossings[line] = Float(crossing) / Float(number)
                isUniform[line] = (0..<3).allSatisfy { high[$0] - low[$0] <= 8 }
            }
        }
    }

    /// The number of equally wide parts between lines of one colour; empty unless there are two or more.
    var bandCells: [Int] {
        var parts: [Range<Int>] = []
        var start: Int?
        for line in isUniform.indices {
            if isUniform[line] {
                if let first = start { parts.append(first..<line) }
                start = nil
            } else if start == nil {
                start = line
            }
        }
        if let first = start { parts.append(first..<isUniform.count) }
        // Labels leave narrow parts of their own.
        let widest = parts.map(\.count).max() ?? 0
        let cells = parts.filter { $0.count * 2 > widest }
        guard cells.count > 1, widest >= 24, cells.allSatisfy({ $0.count * 100 >= widest * 94 }) else { return [] }
        let distances = zip(cells, cells.dropFirst()).map { $1.lowerBound - $0.lowerBound }
        guard let least = distances.min(), let most = distances.max(), most - least <= max(2, most / 50) else {
            return []
        }
        return [cells.count]
    }

    /// Numbers of parts whose every border is an edge across the picture, where none is in other places.
    var edgeCells: [Int] {
        let count = steps.count
        let sorted = steps.sorted()
        let usual = max(sorted[sorted.count / 2], 1)
        return (2...16).filter { parts in
            guard count / parts >= 24 else { return false }
            return (1..<parts).allSatisfy { part in
                let middle = count * part / parts
                let reach = max(1, count / 400)
                let near = max(1, middle - reach)...min(count - 1, middle + reach)
                return near.contains { steps[$0] > 5 * usual && crossings[$0] > 0.6 }
            }
        }
    }
}
