import Architectures
import TensorCore
import CKernels
import Quantization

/// The keys and values of one block for the positions of a sequence, as `attention.h` lays them out:
/// head after head, keys in tiles of 16 positions, values position after position.
///
/// `@unchecked Sendable`: whoever works on several heads at once only reads them.
final class KeyValueCache: @unchecked Sendable {
    /// What is kept of a position.
    struct Shape: Hashable, Sendable {
        let headCount: Int
        let keyLength: Int
        let valueLength: Int
        let types: CacheTypes

        /// The bytes of a tile of a head's keys, and of a position of its values.
        var tileByteCount: Int { ingot_cache_tile_bytes(types.keys.kernelType, keyLength) }
        var valueByteCount: Int { ingot_cache_value_bytes(types.values.kernelType, valueLength) }

        /// The bytes of all keys and of all values of so many positions; `nil` beyond what can be
        /// addressed.
        func byteCounts(capacity: Int) -> (keys: Int, values: Int)? {
            guard let padded = capacity.aligned(to: KeyValueCache.tilePositions),
                let keys = (headCount * tileByteCount).multiplied(
                    checkedBy: padded / KeyValueCache.tilePositions),
                let values = (headCount * valueByteCount).multiplied(checkedBy: padded),
                keys.adding(checked: values) != nil
            else { return nil }
            return (keys, values)
        }
    }

    static let tilePositions = Int(INGOT_CACHE_POSITIONS)

    let shape: Shape
    private let keyBuffer: FloatBuffer
    private let valueBuffer: FloatBuffer
    /// The bytes from a head's keys, and values, to the next head's.
    private let headByteCounts: (keys: Int, values: Int)

    init(_ shape: Shape, capacity: Int) throws(InferenceError) {
        guard let bytes = shape.byteCounts(capacity: capacity) else {
            throw InferenceError(.outOfMemory(byteCount: .max), path: nil)
        }
        self.shape = shape
        headByteCounts = (bytes.keys / shape.headCount, bytes.values / shape.headCount)
        keyBuffer = try FloatBuffer(count: (bytes.keys + 3) / 4)
        valueBuffer = try FloatBuffer(count: (bytes.values + 3) / 4)
    }

    /// A head's keys from the tile of a position on.
    func keys(head: Int, tile: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(keyBuffer.base) + head * headByteCounts.keys
            + tile * shape.tileByteCount
    }

    /// A head's values from a position on.
    func values(head: Int, position: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(valueBuffer.base) + head * headByteCounts.values
            + position * shape.valueByteCount
    }

    /// Keeps the keys and values of a position, head after head.
    func put(
        keys: UnsafePointer<Float>, values: UnsafePointer<Float>, at position: Int
    ) {
        let (tile, lane) = position.quotientAndRemainder(
            dividingBy: KeyValueCache.tilePositions)
        for head in 0..<shape.headCount {
            ingot_cache_put_key(
                shape.types.keys.kernelType, keys + head * shape.keyLength, shape.keyLength, lane,
                self.keys(head: head, tile: tile))
            ingot_cache_put_values(
                shape.types.values.kernelType, values + head * shape.valueLength,
                shape.valueLength, self.values(head: head, position: position))
        }
    }

    /// Takes over the first positions of another of the same shape.
    func copy(from other: KeyValueCache, positions: Int) {
        precondition(shape == other.shape, "caches of different shapes")
        let tiles = (positions + KeyValueCache.tilePositions - 1) / KeyValueCache.tilePositions
        for head in 0..<shape.headCount {
            keys(head: head, tile: 0).copyMemory(
                from: other.keys(head: head, tile: 0), byteCount: tiles * shape.tileByteCount)
            values(head: head, position: 0).copyMemory(
                from: other.values(head: head, position: 0),
                byteCount: positions * shape.valueByteCount)
        }
    }
}

extension CacheType {
    /// The kernels' name for it.
    var kernelType: ingot_cache_type {
        switch self {
        case .f32: INGOT_CACHE_F32
        case .f16: INGOT_CACHE_F16
        case .q8_0: INGOT_CACHE_Q8
        }
    }
}
