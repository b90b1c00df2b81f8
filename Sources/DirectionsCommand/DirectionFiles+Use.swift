import DirectionFiles
import Editing

extension EditDirection {
    /// A direction file as the editor uses it.
    init(_ file: DirectionFile) {
        self.init(label: file.label, values: file.values, rows: file.rows, sigma: file.sigma)
    }
}
