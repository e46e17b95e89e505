import Foundation
import Inference
import TestSupport
import Testing

@Suite("Log-sum-exp in pieces")
struct LogitsSumTests {
    private func sum(_ values: [Float], piece: Int) -> LogitsSum {
        var sum = LogitsSum()
        for start in stride(from: 0, to: values.count, by: piece) {
            Array(values[start..<min(values.count, start + piece)]).withUnsafeBufferPointer {
                sum.add($0, first: start)
            }
        }
        return sum
    }

    @Test(
        "agrees with F64 whatever the length and the pieces",
        arguments: [1, 2, 15, 16, 17, 33, 1000, 5000], [7, 16, 100, 4096])
    func agrees(count: Int, piece: Int) throws {
        var random = SeededRandom(seed: UInt64(count))
        for spread: Float in [0.01, 3, 40] {
            let values = (0..<count).map { _ in spread * random.normal() + 5 }
            let top = try #require(values.max())
            let expected = values.reduce(0) { $0 + exp(Double($1) - Double(top)) }
            let found = sum(values, piece: piece)
            #expect(found.maximum == top)
            #expect(found.top == values.firstIndex(of: top))
            #expect(abs(found.sum / expected - 1) < 5e-7, "count \(count), spread \(spread)")
        }
    }

    @Test("of equal logits the first is the top one")
    func ties() {
        #expect(sum([1, 3, 2, 3, 3], piece: 1).top == 1)
        #expect(sum([Float](repeating: -2, count: 50), piece: 20).top == 0)
    }

    @Test("logits far below the top add nothing, large ones do not overflow")
    func extremes() {
        #expect(sum([-1e30, 0, -1e30], piece: 3).sum == 1)
        #expect(sum([3e38, 3e38], piece: 1).sum == 2)
        #expect(sum([-200, 0], piece: 1).sum == 1)
    }

    @Test("the cross sum agrees with F64", arguments: [1, 16, 31, 3000])
    func cross(count: Int) throws {
        var random = SeededRandom(seed: 7)
        let base = (0..<count).map { _ in 4 * random.normal() }
        let other = base.map { $0 + 0.3 * random.normal() }
        let top = try #require(base.max())
        let terms = zip(base, other).map {
            exp(Double($0) - Double(top)) * (Double($0) - Double($1))
        }
        let found = base.withUnsafeBufferPointer { base in
            other.withUnsafeBufferPointer { LogitsSum.cross(base, $0, maximum: top) }
        }
        let scale = terms.reduce(0) { $0 + abs($1) }
        #expect(abs(found - terms.reduce(0, +)) <= 1e-6 * scale)
    }
}
