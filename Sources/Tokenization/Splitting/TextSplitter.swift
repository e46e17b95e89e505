import TensorCore

/// Cuts a text into the words that byte-level BPE encodes one by one.
struct TextSplitter: Sendable {
    private enum Step: Sendable {
        case pattern(PatternProgram)
        /// `set+$`: found from the end; a search from every position would be quadratic.
        case trailingRun(ScalarSet)
        /// `(?=(\d{3})+(?!\d))`: groups of three digits counted from the right of each run.
        case threeDigitGroups
    }

    private let steps: [Step]

    /// Compiles the patterns of a pre-tokenizer name.
    init(_ row: PreTokenizerName) throws(TokenizationError) {
        var steps: [Step] = []
        for text in row.patterns {
            guard let pattern = Pattern(text) else {
                throw TokenizationError(.unsupported("the pattern \(text)"))
            }
            if pattern == Pattern(PreTokenizerName.threeDigitGroups) {
                steps.append(.threeDigitGroups)
            } else if case .sequence(let parts) = pattern, parts.count == 2, parts[1] == .end,
                case .repeated(.set(let set), 1, nil, _) = parts[0]
            {
                steps.append(.trailingRun(set))
            } else if let program = PatternProgram(pattern) {
                steps.append(.pattern(program))
            } else {
                throw TokenizationError(.unsupported("the pattern \(text)"))
            }
        }
        self.steps = steps
    }

    /// The ends of the words of `bytes`, in order.
    ///
    /// Linear in the length of the text.
    func ends(_ bytes: UnsafeBufferPointer<UInt8>) -> [Int] {
        guard !bytes.isEmpty else { return [] }
        var ends = [bytes.count]
        for step in steps {
            var next: [Int] = []
            next.reserveCapacity(max(ends.count, bytes.count / 4))
            switch step {
            case .pattern(let program):
                unsafe PatternMatcher.with(program, bytes) { matcher in
                    var start = 0
                    for end in ends {
                        matcher.cut(start, end, into: &next)
                        start = end
                    }
                }
            case .trailingRun(let set):
                var start = 0
                for end in ends {
                    unsafe TextSplitter.cutTrailingRun(set, bytes, start, end, &next)
                    start = end
                }
            case .threeDigitGroups:
                var start = 0
                for end in ends {
                    unsafe TextSplitter.cutDigitGroups(bytes, start, end, &next)
                    start = end
                }
            }
            ends = next
        }
        return ends
    }

    private static func cutTrailingRun(
        _ set: ScalarSet, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int,
        _ ends: inout [Int]
    ) {
        let units = unsafe UTF8Units(bytes: bytes)
        var first = end
        while first > start {
            let previous = units.start(ofUnitEndingAt: first, start: start)
            guard set.contains(units.unit(at: previous, end: first).scalar) else { break }
            first = previous
        }
        if first > start { ends.append(first) }
        if first < end { ends.append(end) }
    }

    private static func cutDigitGroups(
        _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ ends: inout [Int]
    ) {
        let units = unsafe UTF8Units(bytes: bytes)
        let digit = UInt8(GeneralCategory.nd.rawValue)
        var position = start
        while position < end {
            // The run of digits from here, as the places where its digits begin.
            var places: [Int] = []
            while position < end {
                let (scalar, byteCount) = units.unit(at: position, end: end)
                guard GeneralCategory.number(of: scalar) == digit else { break }
                places.append(position)
                position += byteCount
            }
            for (index, place) in places.enumerated()
            where (places.count - index) % 3 == 0 && place > start && ends.last != place {
                ends.append(place)
            }
            if position < end { position += units.unit(at: position, end: end).byteCount }
        }
        if ends.last != end { ends.append(end) }
    }
}
