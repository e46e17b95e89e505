/// The tokens of words seen before, in a few flat arrays.
///
/// Emptied when it is full.
struct WordCache {
    private struct Entry {
        var hash: UInt64
        var word: Int
        var byteCount: Int32
        var tokenCount: Int32
        var tokens: Int
    }

    private static let slotCount = 1 << 15
    private static let byteLimit = 48

    private var entries: [Entry] = []
    private var slots: [Int32] = []
    private var words: [UInt8] = []
    private var tokens: [Int32] = []
    private let seed = ByteHash.seed

    /// Appends the tokens of a word and returns true when it is there.
    @inline(__always)
    func append(
        _ base: UnsafePointer<UInt8>, _ count: Int, to output: inout [Int32]
    ) -> Bool {
        guard count <= WordCache.byteLimit, !slots.isEmpty else { return false }
        let hash = unsafe ByteHash.hash(base, count, seed)
        var slot = Int(truncatingIfNeeded: hash) & (WordCache.slotCount - 1)
        while slots[slot] >= 0 {
            let entry = entries[Int(slots[slot])]
            if entry.hash == hash, Int(entry.byteCount) == count {
                var same = 0
                while same < count, unsafe words[entry.word + same] == base[same] { same += 1 }
                if same == count {
                    for offset in 0..<Int(entry.tokenCount) {
                        output.append(tokens[entry.tokens + offset])
                    }
                    return true
                }
            }
            slot = (slot + 1) & (WordCache.slotCount - 1)
        }
        return false
    }

    mutating func insert(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ encoded: ArraySlice<Int32>
    ) {
        guard count <= WordCache.byteLimit else { return }
        if slots.isEmpty || entries.count >= WordCache.slotCount / 2 {
            slots = [Int32](repeating: -1, count: WordCache.slotCount)
            entries.removeAll(keepingCapacity: true)
            words.removeAll(keepingCapacity: true)
            tokens.removeAll(keepingCapacity: true)
        }
        let hash = unsafe ByteHash.hash(base, count, seed)
        var slot = Int(truncatingIfNeeded: hash) & (WordCache.slotCount - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (WordCache.slotCount - 1) }
        slots[slot] = Int32(entries.count)
        entries.append(
            Entry(
                hash: hash, word: words.count, byteCount: Int32(count),
                tokenCount: Int32(encoded.count), tokens: tokens.count))
        unsafe words += UnsafeBufferPointer(start: base, count: count)
        tokens += encoded
    }
}
