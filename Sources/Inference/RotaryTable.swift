import Architectures

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The cosines and sines of a rotation's angles for positions from 0 on.
final class RotaryTable: Sendable {
    let pairCount: Int
    let positionCount: Int
    private let cosines: FloatBuffer
    private let sines: FloatBuffer

    /// Angles are computed in F64.
    init(
        _ rotary: BlockDescription.Rotary, factors: [Float]?, positionCount: Int
    ) throws(InferenceError) {
        pairCount = rotary.dimensionCount / 2
        self.positionCount = positionCount
        cosines = try FloatBuffer(count: positionCount * pairCount)
        sines = try FloatBuffer(count: positionCount * pairCount)
        for pair in 0..<pairCount {
            var frequency =
                pow(rotary.base, -Double(2 * pair) / Double(rotary.dimensionCount))
                * rotary.positionScale
            if let factors { frequency /= Double(factors[pair]) }
            for position in 0..<positionCount {
                let angle = Double(position) * frequency
                cosines.base[position * pairCount + pair] = Float(cos(angle))
                sines.base[position * pairCount + pair] = Float(sin(angle))
            }
        }
    }

    func cosines(at position: Int) -> UnsafePointer<Float> {
        UnsafePointer(cosines.base + position * pairCount)
    }

    func sines(at position: Int) -> UnsafePointer<Float> {
        UnsafePointer(sines.base + position * pairCount)
    }
}
