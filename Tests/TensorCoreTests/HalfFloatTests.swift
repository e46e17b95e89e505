import TensorCore
import Testing

@Suite struct HalfFloatTests {
    @Test func everyF16ValueSurvivesTheRoundTrip() {
        for bits in UInt16.min...UInt16.max {
            let value = HalfFloat.float(fromF16: bits)
            if value.isNaN { continue }
            #expect(HalfFloat.f16(from: value) == bits)
        }
    }

    @Test func everyBF16ValueSurvivesTheRoundTrip() {
        for bits in UInt16.min...UInt16.max {
            let value = HalfFloat.float(fromBF16: bits)
            if value.isNaN { continue }
            #expect(HalfFloat.bf16(from: value) == bits)
        }
    }

    // Between two neighbours the nearer is chosen; half way, the one with the even pattern.
    @Test func f16RoundsToNearestTiesToEven() {
        for bits in UInt16(0)..<0x7BFF {
            let low = HalfFloat.float(fromF16: bits)
            let high = HalfFloat.float(fromF16: bits + 1)
            let middle = (low + high) / 2
            #expect(HalfFloat.f16(from: middle) == (bits % 2 == 0 ? bits : bits + 1))
            #expect(HalfFloat.f16(from: middle.nextDown) == bits)
            #expect(HalfFloat.f16(from: middle.nextUp) == bits + 1)
        }
    }

    @Test func f16Extremes() {
        #expect(HalfFloat.f16(from: 65504) == 0x7BFF)
        #expect(HalfFloat.f16(from: 65519.996) == 0x7BFF)
        #expect(HalfFloat.f16(from: 65520) == 0x7C00)
        #expect(HalfFloat.f16(from: -.infinity) == 0xFC00)
        #expect(HalfFloat.float(fromF16: HalfFloat.f16(from: .nan)).isNaN)
        #expect(HalfFloat.f16(from: -0.0) == 0x8000)
        #expect(HalfFloat.f16(from: 0x1p-25) == 0)
        #expect(HalfFloat.f16(from: Float(0x1p-25).nextUp) == 1)
    }
}
