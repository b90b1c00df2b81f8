import Foundation

/// What is done to each element of stored arrays, of which there may be many millions.
package enum Elements {
    /// The values of float32.
    package static func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] { load(bytes, Float.self) { $0 } }

    /// The values of IEEE halves.
    package static func floats(halves bytes: UnsafeRawBufferPointer) -> [Float] {
        load(bytes, UInt16.self) { Half.float(fromHalf: $0) }
    }

    /// The values of brain floats.
    package static func floats(brain bytes: UnsafeRawBufferPointer) -> [Float] {
        load(bytes, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    }

    /// The values of float64.
    package static func floats(doubles bytes: UnsafeRawBufferPointer) -> [Float] {
        load(bytes, Double.self) { Float($0) }
    }

    /// The values of whole numbers of 64 bits.
    package static func floats(int64 bytes: UnsafeRawBufferPointer) -> [Float] { load(bytes, Int64.self) { Float($0) } }

    /// The values of whole numbers of 32 bits.
    package static func floats(int32 bytes: UnsafeRawBufferPointer) -> [Float] { load(bytes, Int32.self) { Float($0) } }

    /// The values of whole numbers of 16 bits.
    package static func floats(int16 bytes: UnsafeRawBufferPointer) -> [Float] { load(bytes, Int16.self) { Float($0) } }

    /// The values of whole numbers of 8 bits.
    package static func floats(int8 bytes: UnsafeRawBufferPointer) -> [Float] { load(bytes, Int8.self) { Float($0) } }

    /// The values of whole numbers of 8 bits without a sign.
    package static func floats(uint8 bytes: UnsafeRawBufferPointer) -> [Float] { load(bytes, UInt8.self) { Float($0) } }

    private static func load<T>(_ bytes: UnsafeRawBufferPointer, _ type: T.Type, _ convert: (T) -> Float) -> [Float] {
        let count = bytes.count / MemoryLayout<T>.size
        return [Float](unsafeUninitializedCapacity: count) { output, initialized in
            for i in 0..<count {
                output[i] = convert(bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<T>.size, as: T.self))
            }
            initialized = count
        }
    }

    /// Values rounded to halves, to the nearest even; one beyond their range becomes infinite.
    package static func halves(_ values: [Float]) -> [UInt16] { values.map(Half.half(from:)) }

    /// Values that were quantised in blocks of rows, each with a factor and a shift.
    ///
    /// - Parameters:
    ///   - values: [rows, width].
    ///   - factors: [rows, blocks].
    ///   - shifts: [rows, blocks].
    ///   - width: Values of a row.
    ///   - block: Values of a block.
    /// - Returns: [rows, width].
    package static func dequantized(
        _ values: [Float], factors: [Float], shifts: [Float], width: Int, block: Int
    ) -> [Float] {
        let blocks = (width + block - 1) / block
        var result = values
        for i in result.indices {
            let at = i / width * blocks + i % width / block
            result[i] = (result[i] - shifts[at]) * factors[at]
        }
        return result
    }

    /// Elements in the other order of their bytes.
    ///
    /// - Parameters:
    ///   - bytes: A whole number of elements.
    ///   - size: Bytes of each.
    /// - Returns: As many bytes.
    package static func swapped(_ bytes: Data, size: Int) -> Data {
        if size < 2 { return bytes }
        var result = Data(bytes)
        result.withUnsafeMutableBytes { (buffer: UnsafeMutableRawBufferPointer) in
            for start in stride(from: 0, to: buffer.count, by: size) {
                for i in 0..<size / 2 { buffer.swapAt(start + i, start + size - 1 - i) }
            }
        }
        return result
    }

    /// Values in C order.
    ///
    /// - Parameters:
    ///   - values: What they are taken from; the caller has checked that none lies outside.
    ///   - offset: Where the first lies.
    ///   - shape: How many there are along each axis.
    ///   - strides: Values from one to the next along each axis, which may be negative.
    /// - Returns: The values, one after the other.
    package static func gathered(_ values: [Float], offset: Int = 0, shape: [Int], strides: [Int]) -> [Float] {
        let count = shape.reduce(1, *)
        return [Float](unsafeUninitializedCapacity: count) { target, initialized in
            walk(offset: offset, shape: shape, strides: strides) { target[$0] = values[$1] }
            initialized = count
        }
    }

    /// Calls `body` with the number of each element in C order, and where it lies.
    @inline(__always)
    private static func walk(offset: Int, shape: [Int], strides: [Int], _ body: (_ element: Int, _ place: Int) -> Void)
    {
        var index = [Int](repeating: 0, count: shape.count)
        var place = offset
        for element in 0..<shape.reduce(1, *) {
            body(element, place)
            for axis in shape.indices.reversed() {
                index[axis] += 1
                place += strides[axis]
                if index[axis] < shape[axis] { break }
                place -= shape[axis] * strides[axis]
                index[axis] = 0
            }
        }
    }

    /// Elements in C order.
    ///
    /// - Parameters:
    ///   - bytes: What they are taken from; the caller has checked that none lies outside.
    ///   - offset: Where the first lies, in elements.
    ///   - shape: How many there are along each axis.
    ///   - strides: Elements from one to the next along each axis.
    ///   - size: Bytes of an element.
    /// - Returns: The elements' bytes, one after the other.
    package static func gathered(_ bytes: Data, offset: Int = 0, shape: [Int], strides: [Int], size: Int) -> Data {
        var result = Data(count: shape.reduce(1, *) * size)
        result.withUnsafeMutableBytes { (target: UnsafeMutableRawBufferPointer) in
            bytes.withUnsafeBytes { (source: UnsafeRawBufferPointer) in
                walk(offset: offset, shape: shape, strides: strides) { element, place in
                    for k in 0..<size { target[element * size + k] = source[place * size + k] }
                }
            }
        }
        return result
    }
}

/// IEEE 754 half precision, which Swift's `Float16` does not offer on every platform.
package enum Half {
    /// The value of a half's bits.
    package static func float(fromHalf bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10 & 0x1F)
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            return sign == 0 ? magnitude : -magnitude
        case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }

    /// The bits of the nearest half, ties to even.
    package static func half(from value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(bits >> 16 & 0x8000)
        let magnitude = bits & 0x7FFF_FFFF
        if magnitude >= 0x7F80_0000 { return sign | (magnitude > 0x7F80_0000 ? 0x7E00 : 0x7C00) }
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        if magnitude < 0x3880_0000 {
            let scaled = (Float(bitPattern: magnitude) * 0x1p24).rounded(.toNearestOrEven)
            return sign | UInt16(scaled)
        }
        let rounded = magnitude + 0xFFF + (magnitude >> 13 & 1)
        return sign | UInt16((rounded >> 13) - (112 << 10))
    }
}
