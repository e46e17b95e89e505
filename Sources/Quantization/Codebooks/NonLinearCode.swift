/// The 16 values of the 4-bit codes on a curve (IQ4): dense near zero, where weights are.
enum NonLinearCode {
    static let values: [Float] = [
        -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
    ]

    /// The midpoints between neighbours, doubled so that they are integers.
    private static let doubledMidpoints: [Float] = zip(values, values.dropFirst()).map { $0 + $1 }

    /// The code whose value is nearest, the higher of equals.
    @inline(__always)
    static func nearest(_ value: Float) -> UInt8 {
        var code = 0
        doubledMidpoints.withUnsafeBufferPointer { midpoints in
            var step = 8
            while step > 0 {
                // Not a number gets the highest code.
                if !(value + value < midpoints[code + step - 1]) { code += step }
                step >>= 1
            }
        }
        return UInt8(code)
    }

    /// Fits `values[i] ≈ scale * curve[code i]` for 32 values.
    ///
    /// Sixteen starting scales compete: the one that maps the value of largest magnitude to minus
    /// the first point of the curve, and fifteen around the one that maps it to that point. Each
    /// is followed by one least-squares step.
    /// - Returns: the best scale; 0 for negligible values.
    static func scale(
        _ block: UnsafePointer<Float>, weights: UnsafePointer<Float>
    ) -> Float {
        let peak = ScaleSearch.peak(block, 32)
        guard abs(peak) >= ScaleSearch.negligible else { return 0 }
        func fit(_ inverse: Float) -> (xq: Float, q2: Float) {
            var (xq, q2): (Float, Float) = (0, 0)
            for index in 0..<32 {
                let point = values[Int(nearest(inverse * block[index]))]
                xq += weights[index] * point * block[index]
                q2 += weights[index] * point * point
            }
            return (xq, q2)
        }
        let first = fit(1 / (-peak / values[0]))
        var scale = first.q2 > 0 ? first.xq / first.q2 : 0
        var best = scale * first.xq
        for step in -7...7 {
            let (xq, q2) = fit((Float(step) + values[0]) / peak)
            if q2 > 0, xq * xq > best * q2 {
                scale = xq / q2
                best = scale * xq
            }
        }
        return scale
    }

    /// The weights of a block: with importance as everywhere, without it the squares.
    static func weights(
        _ block: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, variance: Float,
        into weights: UnsafeMutablePointer<Float>
    ) {
        if let importance {
            ScaleSearch.weights(block, importance, 32, variance: variance, into: weights)
        } else {
            for index in 0..<32 { weights[index] = block[index] * block[index] }
        }
    }

    /// Stores the codes of 32 values as 16 bytes: byte i is code i | code i + 16 << 4.
    static func store(
        _ block: UnsafePointer<Float>, scale: Float, _ bytes: UnsafeMutableRawPointer
    ) {
        let inverse: Float = scale != 0 ? 1 / scale : 0
        for index in 0..<16 {
            let low = nearest(inverse * block[index])
            let high = nearest(inverse * block[index + 16])
            bytes.setByte(index, low | high << 4)
        }
    }

    /// Stores 32 codes in the same way.
    static func store(codes: UnsafePointer<UInt8>, _ bytes: UnsafeMutableRawPointer) {
        for index in 0..<16 { bytes.setByte(index, codes[index] | codes[index + 16] << 4) }
    }

    /// Reads 32 codes.
    static func load(
        _ bytes: UnsafeRawPointer, scale: Float, _ block: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<16 {
            let byte = bytes.byte(index)
            block[index] = scale * values[Int(byte & 0xF)]
            block[index + 16] = scale * values[Int(byte >> 4)]
        }
    }
}
