import Core

/// Pictures in rows and columns with labels, as papers show results: column labels on top, row labels at the left, a
/// caption under each cell.
public struct Grid: Sendable {
    /// The pictures, row by row; nil leaves a cell empty.
    public var cells: [[Image?]]
    /// Texts above the columns, or empty.
    public var columnLabels: [String] = []
    /// Texts left of the rows, or empty.
    public var rowLabels: [String] = []
    /// Texts under the cells, row by row, or empty; a line break starts a second line.
    public var captions: [[String]] = []
    /// Pixels between cells.
    public var gap = 4

    public init(_ cells: [[Image?]], columnLabels: [String] = [], rowLabels: [String] = [], captions: [[String]] = []) {
        self.cells = cells
        self.columnLabels = columnLabels
        self.rowLabels = rowLabels
        self.captions = captions
    }

    /// `images` in reading order, `columns` a row (nil: about square, wider than tall), with a caption each.
    public init(_ images: [Image], columns: Int? = nil, captions: [String] = []) {
        let count = max(images.count, 1)
        let width = columns ?? min(count, max(1, Int((Double(count) * 1.6).squareRoot().rounded(.up))))
        let starts = Array(stride(from: 0, to: images.count, by: width))
        cells = starts.map { Array(images[$0..<min($0 + width, images.count)]) }
        if !captions.isEmpty {
            self.captions = starts.map { Array(captions[$0..<min($0 + width, captions.count)]) }
        }
    }

    /// The same cells without texts and gaps: a single picture stays exactly as it is.
    public var unlabelled: Grid {
        var result = Grid(cells)
        result.gap = 0
        return result
    }

    /// Draws the grid; cells take the size of the largest picture.
    ///
    /// - Throws: ``Failure`` when there is no picture, or the result would exceed ``Image/maximumPixels``.
    public func rendered() throws -> Image {
        let images = cells.joined().compactMap(\.self)
        guard let cellWidth = images.map(\.width).max(), let cellHeight = images.map(\.height).max() else {
            throw Failure("grid", "has no pictures", "ask for at least one face", kind: .usage)
        }
        let scale = max(1, min(cellWidth, cellHeight) / 110)
        let line = (Font.height + 2) * scale
        let captionLines = captions.joined().map { $0.split(separator: "\n").count }.max() ?? 0
        let left = rowLabels.isEmpty ? gap : gap * 2 + (rowLabels.map(\.count).max() ?? 0) * (Font.width + 1) * scale
        let top = columnLabels.isEmpty ? gap : gap * 2 + line
        let pitchX = cellWidth + gap
        let pitchY = cellHeight + gap + captionLines * line
        let columns = cells.map(\.count).max() ?? 0
        let (width, height) = (left + columns * pitchX, top + cells.count * pitchY)
        guard width <= Image.maximumPixels / height else {
            throw Failure(
                "grid", "would have \(width) x \(height) pixels", "ask for fewer or smaller faces", kind: .usage)
        }
        var canvas = Image(width: width, height: height, fill: (255, 255, 255))
        for (x, label) in columnLabels.enumerated() {
            canvas.draw(label, x: left + x * pitchX, y: gap, width: cellWidth, scale: scale)
        }
        for (y, row) in cells.enumerated() {
            let cellTop = top + y * pitchY
            if y < rowLabels.count {
                canvas.draw(rowLabels[y], x: 0, y: cellTop + (cellHeight - line) / 2, width: left, scale: scale)
            }
            for (x, image) in row.enumerated() {
                guard let image else { continue }
                canvas.paste(image, x: left + x * pitchX, y: cellTop)
                guard y < captions.count, x < captions[y].count else { continue }
                for (k, text) in captions[y][x].split(separator: "\n").enumerated() {
                    let textTop = cellTop + cellHeight + scale + k * line
                    canvas.draw(String(text), x: left + x * pitchX, y: textTop, width: cellWidth, scale: scale)
                }
            }
        }
        return canvas
    }
}

extension Image {
    /// Copies a picture to (x, y), clipped at the right and lower edges.
    public mutating func paste(_ image: Image, x: Int, y: Int) {
        precondition(x >= 0 && y >= 0)
        let columns = min(image.width, width - x)
        guard columns > 0 else { return }
        for row in 0..<max(0, min(image.height, height - y)) {
            let to = 3 * ((y + row) * width + x)
            let from = 3 * row * image.width
            pixels.replaceSubrange(to..<to + 3 * columns, with: image.pixels[from..<from + 3 * columns])
        }
    }

    /// Writes dark text centred in `width` pixels from x, top edge at y; what does not fit is cut off.
    mutating func draw(_ text: String, x: Int, y: Int, width available: Int, scale: Int) {
        let advance = (Font.width + 1) * scale
        let shown = Array(text.prefix(max(1, available / advance)))
        var pen = x + max(0, (available - shown.count * advance) / 2)
        for character in shown {
            for (row, bits) in Font.rows(of: character).enumerated() {
                for column in 0..<Font.width where bits >> (Font.width - 1 - column) & 1 == 1 {
                    fill(x: pen + column * scale, y: y + row * scale, side: scale)
                }
            }
            pen += advance
        }
    }

    private mutating func fill(x: Int, y: Int, side: Int) {
        for row in max(0, y)..<max(0, min(height, y + side)) {
            for column in max(0, x)..<max(0, min(width, x + side)) {
                let at = 3 * (row * width + column)
                for c in 0..<3 { pixels[at + c] = 32 }
            }
        }
    }
}
