extension [Int] {
    /// Of a synthesizer's sizes the smallest that is not below `side`; the largest where all are below it.
    public func smallest(covering side: Int) -> Int { filter { $0 >= side }.min() ?? self.max() ?? side }
}
