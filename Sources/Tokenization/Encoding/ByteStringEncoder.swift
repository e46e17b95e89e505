import TensorCore

/// RWKV's world tokenizer: the longest token that fits, from the start of a text on.
struct ByteStringEncoder: FragmentEncoder {
    private var strings: ByteStringTable
    private var tokens: [Int32] = []
    /// The lengths that tokens have, longest first.
    private let lengths: [Int]
    private let unknown: Int32?

    init(_ vocabulary: Vocabulary) {
        strings = ByteStringTable(capacity: vocabulary.tokens.count)
        var lengths: Set<Int> = []
        for (id, token) in vocabulary.tokens.enumerated() where vocabulary.types[id] == .normal {
            let bytes = PythonLiteral.unescaped(token.bytes)
            let number = Int(strings.insert(bytes))
            guard number >= 0 else { continue }
            lengths.insert(bytes.count)
            if number == tokens.count { tokens.append(0) }
            tokens[number] = Int32(truncatingIfNeeded: id)
        }
        self.lengths = lengths.sorted(by: >)
        unknown = vocabulary.specialIDs[.unk]
    }

    /// Appends the tokens of a fragment.
    ///
    /// O(n · number of lengths that tokens have).
    mutating func encode(
        fragment: UnsafeBufferPointer<UInt8>, isFirst: Bool, into output: inout [Int32]
    ) {
        guard let base = fragment.baseAddress else { return }
        var position = 0
        while position < fragment.count {
            var taken = 1
            var token = unknown
            for length in lengths where length <= fragment.count - position {
                let number = unsafe strings.number(of: base + position, count: length)
                guard number >= 0 else { continue }
                (taken, token) = (length, tokens[Int(number)])
                break
            }
            if let token { output.append(token) }
            position += taken
        }
    }
}
