import TensorCore

/// The symbols and merges of byte-level BPE, with bytes as bytes (not in the byte alphabet).
///
/// Symbols are the tokens' texts and whatever merges mention besides; pairs of symbol numbers are
/// looked up, never pairs of texts.
struct MergeTable: Sendable {
    /// A pair that may be joined.
    struct Merge {
        /// The lower, the earlier.
        var rank: Int32
        /// What it becomes.
        var symbol: Int32
    }

    /// The symbols' texts.
    private(set) var symbols: ByteStringTable
    /// The token of each symbol, -1 for symbols that are none.
    private(set) var tokens: [Int32] = []
    /// The symbol of each byte.
    private(set) var byteSymbols: [Int32] = []
    private var keys: [UInt64]
    private var values: [Merge]
    private let seed = ByteHash.seed

    init(_ vocabulary: Vocabulary) {
        symbols = ByteStringTable(capacity: vocabulary.tokens.count + 256)
        var slotCount = 64
        while slotCount < 2 * vocabulary.merges.count { slotCount *= 2 }
        keys = [UInt64](repeating: .max, count: slotCount)
        values = [Merge](repeating: Merge(rank: 0, symbol: 0), count: slotCount)
        for (id, token) in vocabulary.tokens.enumerated() {
            guard let bytes = ByteAlphabet.decode(token.bytes), !bytes.isEmpty else { continue }
            tokens[Int(symbol(bytes))] = Int32(truncatingIfNeeded: id)
        }
        for byte: UInt8 in 0...255 { byteSymbols.append(symbol([byte])) }
        for (rank, merge) in vocabulary.merges.enumerated() {
            guard let (first, second) = merge.mergeParts, let left = ByteAlphabet.decode(first),
                let right = ByteAlphabet.decode(second)
            else { continue }
            insert(
                symbol(left), symbol(right),
                Merge(rank: Int32(truncatingIfNeeded: rank), symbol: symbol(left + right)))
        }
    }

    private mutating func symbol(_ bytes: [UInt8]) -> Int32 {
        let number = symbols.insert(bytes)
        if Int(number) == tokens.count { tokens.append(-1) }
        return number
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    private mutating func insert(_ left: Int32, _ right: Int32, _ merge: Merge) {
        let key = MergeTable.key(left, right)
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: ByteHash.mix(key ^ seed)) & mask
        while keys[slot] != .max {
            if keys[slot] == key { return }
            slot = (slot + 1) & mask
        }
        keys[slot] = key
        values[slot] = merge
    }

    /// What joining two symbols gives, or `nil` when they are never joined.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> Merge? {
        let key = MergeTable.key(left, right)
        return unsafe keys.withUnsafeBufferPointer { keys in
            let mask = keys.count - 1
            var slot = Int(truncatingIfNeeded: ByteHash.mix(key ^ seed)) & mask
            while unsafe keys[slot] != .max {
                if unsafe keys[slot] == key {
                    return unsafe values.withUnsafeBufferPointer { unsafe $0[slot] }
                }
                slot = (slot + 1) & mask
            }
            return nil
        }
    }
}
