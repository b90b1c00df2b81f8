extension Boundary {
    /// Signed distances of rows from the hyperplane.
    ///
    /// - Parameter features: [rows, dimension], row-major.
    /// - Returns: [rows].
    public func distances(features: [Float]) -> [Double] {
        let d = direction.count
        precondition(features.count % d == 0, "features must be whole rows of \(d) components")
        return RowKernels(features: features, dimension: d)
            .forward(direction.map(Double.init), offset: intercept, rows: Array(0..<features.count / d))
    }

    /// The share of the taking part samples on their class's side.
    public func accuracy(on samples: LabelledSamples) -> Double {
        let distances = RowKernels(features: samples.features, dimension: samples.dimension)
            .forward(direction.map(Double.init), offset: intercept, rows: samples.rows)
        let right = zip(samples.rows, distances).count { (samples.labels[$0] == 1) == ($1 > 0) }
        return Double(right) / Double(samples.count)
    }
}
