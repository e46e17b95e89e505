import Foundation
public import GGUF
import TensorCore

/// Sums of squares of some windows, as they are added to those of others without loss: what a part of
/// `imatrix` gathers.
public struct GatheredImportance: Sendable, Hashable {
    /// The sums of a tensor.
    struct Entry: Sendable, Hashable {
        var sums: ExactSums
        /// The rows summed for each expert.
        var counts: [Int]
    }

    var entries: [String: Entry]

    /// No sums.
    public init() { entries = [:] }

    init(entries: [String: Entry]) { self.entries = entries }

    /// The sums as an importance matrix has them.
    public var sums: [String: ImportanceSums.Entry] {
        entries.mapValues {
            ImportanceSums.Entry(sums: $0.sums.values, counts: $0.counts.map(Double.init))
        }
    }

    /// Adds those of other windows of the same model: in any order to the same bits.
    ///
    /// - Returns: Whether both have the shapes of one model; nothing is added otherwise.
    public mutating func add(_ other: GatheredImportance) -> Bool {
        for (name, entry) in other.entries {
            guard let own = entries[name] else { continue }
            guard own.sums.units.count == entry.sums.units.count,
                own.counts.count == entry.counts.count
            else { return false }
        }
        for (name, entry) in other.entries {
            guard var own = entries.removeValue(forKey: name) else {
                entries[name] = entry
                continue
            }
            own.sums.add(entry.sums)
            for index in own.counts.indices { own.counts[index] &+= entry.counts[index] }
            entries[name] = own
        }
        return true
    }
}

extension GatheredImportance {
    /// The sums as bytes, little-endian, tensor by tensor in the order of their names' bytes: length and
    /// bytes of the name, the number of counts and of sums, the counts (8 bytes each), the sums (16 bytes,
    /// multiples of 2⁻⁶⁴), the number of columns with squares too large for that, and for each its number
    /// and the sum (8 bytes each).
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        for (name, entry) in entries.sorted(by: { ByteString($0.key) < ByteString($1.key) }) {
            append(UInt64(name.utf8.count))
            bytes += name.utf8
            append(UInt64(entry.counts.count))
            append(UInt64(entry.sums.units.count))
            for count in entry.counts { append(Int64(count)) }
            for sum in entry.sums.units {
                append(UInt64(truncatingIfNeeded: sum))
                append(UInt64(truncatingIfNeeded: sum >> 64))
            }
            append(UInt64(entry.sums.large.count))
            for (column, value) in entry.sums.large.sorted(by: { $0.key < $1.key }) {
                append(UInt64(column))
                append(value.bitPattern)
            }
        }
        return bytes
    }

    /// Reads sums; `nil` where the bytes are none.
    public init?(bytes: ArraySlice<UInt8>) {
        self.init()
        var offset = 0
        /// The next number, if there is one and as many items of `size` bytes may follow.
        func count(_ size: Int) -> Int? {
            guard let value = word(), let count = Int(exactly: value),
                count <= (bytes.count - offset) / size
            else { return nil }
            return count
        }
        func word() -> UInt64? {
            guard bytes.count - offset >= 8 else { return nil }
            defer { offset += 8 }
            return bytes.withUnsafeBytes {
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
        }
        while offset < bytes.count {
            guard let length = count(1) else { return nil }
            let start = bytes.startIndex + offset
            guard let name = String(validating: bytes[start..<start + length], as: UTF8.self) else {
                return nil
            }
            offset += length
            guard let counts = count(8), let units = count(8), counts > 0, units % counts == 0
            else {
                return nil
            }
            guard 8 * counts + 16 * units <= bytes.count - offset else { return nil }
            let rows = (0..<counts).compactMap { _ in word().map { Int(truncatingIfNeeded: $0) } }
            let sums = (0..<units).compactMap { _ in
                word().flatMap { low in word().map { Int128($0) << 64 | Int128(low) } }
            }
            guard let largeCount = count(16), rows.allSatisfy({ $0 >= 0 }),
                sums.allSatisfy({ $0 >= 0 && $0 < 1 << 126 })
            else { return nil }
            var large: [Int: Double] = [:]
            for _ in 0..<largeCount {
                guard let column = word().flatMap({ Int(exactly: $0) }), column < units,
                    let value = word().map(Double.init(bitPattern:)), value.isFinite, value >= 0
                else { return nil }
                large[column] = value
            }
            guard entries[name] == nil else { return nil }
            entries[name] = Entry(sums: ExactSums(units: sums, large: large), counts: rows)
        }
    }
}
