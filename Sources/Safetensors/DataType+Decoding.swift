import TensorCore

extension DataType {
    /// Decodes `elementCount` little-endian elements to F32.
    ///
    /// F32, F16, BF16 and the 8-bit types are exact; F64 and wide integers round to nearest, ties
    /// to even. Does nothing for types that are not decodable. The source need not be aligned.
    public func decode(
        _ source: UnsafeRawPointer, elementCount: Int, into destination: UnsafeMutablePointer<Float>
    ) {
        switch self {
        case .F32:
            unsafe UnsafeMutableRawPointer(destination).copyMemory(
                from: source, byteCount: elementCount * 4)
        case .BF16:
            unsafe convert(source, elementCount, destination) { (bits: UInt16) in
                Float(bitPattern: UInt32(bits) << 16)
            }
        case .F16:
            unsafe convert(source, elementCount, destination) { HalfFloat.float(fromF16: $0) }
        case .F64:
            unsafe convert(source, elementCount, destination) { (bits: UInt64) in
                Float(Double(bitPattern: bits))
            }
        case .I64:
            unsafe convert(source, elementCount, destination) { (value: Int64) in Float(value) }
        case .I32:
            unsafe convert(source, elementCount, destination) { (value: Int32) in Float(value) }
        case .I16:
            unsafe convert(source, elementCount, destination) { (value: Int16) in Float(value) }
        case .I8:
            unsafe convert(source, elementCount, destination) { (value: Int8) in Float(value) }
        case .U64:
            unsafe convert(source, elementCount, destination) { (value: UInt64) in Float(value) }
        case .U32:
            unsafe convert(source, elementCount, destination) { (value: UInt32) in Float(value) }
        case .U16:
            unsafe convert(source, elementCount, destination) { (value: UInt16) in Float(value) }
        case .U8:
            unsafe convert(source, elementCount, destination) { (value: UInt8) in Float(value) }
        case .BOOL:
            unsafe convert(source, elementCount, destination) { (value: UInt8) in value == 0 ? 0 : 1
            }
        case .F8_E4M3: unsafe convert(source, elementCount, destination, DataType.float(fromE4M3:))
        case .F8_E5M2:
            // The upper byte of a binary16.
            unsafe convert(source, elementCount, destination) { (bits: UInt8) in
                HalfFloat.float(fromF16: UInt16(bits) << 8)
            }
        case .F8_E8M0:
            unsafe convert(source, elementCount, destination) { (bits: UInt8) in
                // 2^(bits - 127); the smallest is subnormal in F32, 255 is NaN.
                switch bits {
                case 0: Float(bitPattern: 0x0040_0000)
                case 255: .nan
                default: Float(bitPattern: UInt32(bits) << 23)
                }
            }
        case .C64, .F4, .F6_E2M3, .F6_E3M2: break
        }
    }

    @inline(__always)
    private func convert<Stored: FixedWidthInteger>(
        _ source: UnsafeRawPointer, _ elementCount: Int,
        _ destination: UnsafeMutablePointer<Float>, _ value: (Stored) -> Float
    ) {
        let stride = MemoryLayout<Stored>.stride
        for index in 0..<elementCount {
            let stored = unsafe source.loadUnaligned(
                fromByteOffset: index * stride, as: Stored.self)
            unsafe destination[index] = value(Stored(littleEndian: stored))
        }
    }

    /// One sign bit, 4 of exponent (bias 7), 3 of fraction; all ones is NaN, there is no infinity.
    private static func float(fromE4M3 bits: UInt8) -> Float {
        let fraction = Float(bits & 7)
        let exponent = UInt32(bits >> 3) & 0xF
        let magnitude: Float
        if exponent == 0 {
            magnitude = fraction * 0x1p-9
        } else if bits & 0x7F == 0x7F {
            magnitude = .nan
        } else {
            magnitude = Float(bitPattern: (exponent + 120) << 23) * (1 + fraction / 8)
        }
        return bits & 0x80 == 0 ? magnitude : -magnitude
    }
}
