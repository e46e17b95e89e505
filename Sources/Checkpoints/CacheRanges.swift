import Conversion
import GGUF
import Inference
import Quantization
import Synchronization
import TensorCore

/// The largest magnitudes of keys and values on a text, for the scales of a KV cache.
///
/// They are computed from what the projections take in, for some rows of each batch. Keys are rotated
/// before they are stored, which can make a number larger by the root of two: as 8-bit floats lose
/// nothing by a scale that is a little too large, that bound is taken.
final class CacheRanges: Sendable {
    fileprivate struct Block {
        var number = -1
        var keys: [Float] = []
        var values: [Float] = []
        var keyNorm: [Float] = []
    }

    private struct State {
        var block = Block()
        var keys: [Int: Float] = [:]
        var values: [Int: Float] = [:]
        var failure: (any Error)?
    }

    private let source: ConversionSource
    private let numbers: [String: Int]
    private let state = Mutex(State())
    /// One row of so many is looked at.
    private static let rowStep = 8

    init(_ source: ConversionSource) {
        self.source = source
        numbers = Dictionary(
            source.tensors.enumerated().map { ($0.element.name, $0.offset) },
            uniquingKeysWith: { $1 })
    }

    /// The blocks that have keys and values by head, in projections of their own, and that text runs
    /// through.
    static func blocks(of source: ConversionSource) -> [Int] {
        let names = Set(source.tensors.map(\.name))
        return (0..<min(source.tensors.count, source.firstPredictor)).prefix {
            names.contains("blk.\($0).attn_norm.weight")
                || names.contains("blk.\($0).attn_k.weight")
        }.filter {
            names.contains("blk.\($0).attn_k.weight") && names.contains("blk.\($0).attn_v.weight")
        }
    }

    /// The largest magnitude of a block's keys or values; `nil` where no text reached them.
    func largest(block: Int, isKey: Bool) -> Float? {
        state.withLock {
            isKey ? $0.keys[block].map { $0 * Float(2).squareRoot() } : $0.values[block]
        }
    }

    /// Throws what went wrong while rows were looked at.
    func check() throws { if let failure = state.withLock({ $0.failure }) { throw failure } }

    /// Looks at what a block's projections take in.
    func add(_ input: LinearInput) {
        guard let name = input.tensors.first(where: { $0.hasSuffix(".attn_k.weight") }),
            let block = name.split(separator: ".").dropFirst().first.flatMap({ Int($0) })
        else { return }
        let weights = state.withLock { state -> Block? in
            guard state.failure == nil else { return nil }
            if state.block.number != block {
                do { state.block = try load(block) } catch { state.failure = error }
            }
            return state.failure == nil ? state.block : nil
        }
        guard let weights else { return }
        var (keys, values): (Float, Float) = (0, 0)
        for index in stride(from: 0, to: input.rowCount, by: CacheRanges.rowStep) {
            let row = input.row(index)
            values = max(
                values, CacheRanges.product(weights.values, row).reduce(0) { max($0, abs($1)) })
            keys = max(keys, weights.largestKey(CacheRanges.product(weights.keys, row)))
        }
        let found = (keys: keys, values: values)
        state.withLock { state in
            state.keys[block] = max(state.keys[block] ?? 0, found.keys)
            state.values[block] = max(state.values[block] ?? 0, found.values)
        }
    }

    private func load(_ block: Int) throws -> Block {
        Block(
            number: block, keys: try read("blk.\(block).attn_k.weight"),
            values: try read("blk.\(block).attn_v.weight"),
            keyNorm: try read("blk.\(block).attn_k_norm.weight"))
    }

    private func read(_ name: String) throws -> [Float] {
        guard let number = numbers[name] else { return [] }
        let shape = source.tensors[number].shape
        var values = [Float](repeating: 0, count: shape.elementCount)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try source.readRows(
                0..<shape.rowCount, ofTensor: number, into: base, scratch: ScratchBuffer())
        }
        return values
    }

    private static func product(_ matrix: [Float], _ row: UnsafeBufferPointer<Float>) -> [Float] {
        let count = row.count
        return matrix.withUnsafeBufferPointer { matrix in
            (0..<matrix.count / max(1, count)).map { output in
                var sums = SIMD8<Float>.zero
                let line = output * count
                var column = 0
                while column + 8 <= count {
                    var (a, b) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
                    for lane in 0..<8 {
                        a[lane] = matrix[line + column + lane]
                        b[lane] = row[column + lane]
                    }
                    sums += a * b
                    column += 8
                }
                var sum = sums.sum()
                while column < count {
                    sum += matrix[line + column] * row[column]
                    column += 1
                }
                return sum
            }
        }
    }
}

extension CacheRanges.Block {
    /// The largest magnitude of a token's keys, after the norm of each head where there is one.
    fileprivate func largestKey(_ keys: [Float]) -> Float {
        let length = keyNorm.count
        guard length > 0, keys.count % length == 0 else {
            return keys.reduce(0) { max($0, abs($1)) }
        }
        var largest: Float = 0
        for start in stride(from: 0, to: keys.count, by: length) {
            let square = keys[start..<start + length].reduce(0) { $0 + $1 * $1 } / Float(length)
            let scale = square > 0 ? 1 / square.squareRoot() : 0
            for index in 0..<length {
                largest = max(largest, abs(keys[start + index] * scale * keyNorm[index]))
            }
        }
        return largest
    }
}
