/// Lends values to C: copies at fixed addresses, freed together with it.
final class Loan {
    private var arrays: [UnsafeMutableBufferPointer<Float>] = []
    private var values: [UnsafeMutableRawPointer] = []

    /// The first of some values.
    func pointer(_ values: [Float]) -> UnsafePointer<Float>? {
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
        _ = buffer.initialize(from: values)
        arrays.append(buffer)
        return UnsafePointer(buffer.baseAddress)
    }

    /// A C structure.
    func one<T: BitwiseCopyable>(_ value: T) -> UnsafePointer<T> {
        let memory = UnsafeMutablePointer<T>.allocate(capacity: 1)
        memory.initialize(to: value)
        values.append(UnsafeMutableRawPointer(memory))
        return UnsafePointer(memory)
    }

    deinit {
        for array in arrays { array.deallocate() }
        for value in values { value.deallocate() }
    }
}
