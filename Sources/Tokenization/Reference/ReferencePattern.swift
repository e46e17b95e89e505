import TensorCore

/// A pattern of a `tokenizer.json`, ready to be looked for.
enum ReferencePattern {
    case literal([UInt32])
    case regex(PatternProgram)
    /// Characters of a class, each a match of its own.
    case character((UInt32) -> Bool)
    /// Runs of characters of one class; class 0 is no match.
    case runs((UInt32) -> Int)

    /// - Throws: `TokenizationError` for a regular expression that cannot be run here.
    init(_ pattern: TextPattern) throws(TokenizationError) {
        switch pattern {
        case .literal(let text): self = .literal(ReferenceText.scalars(text))
        case .regex(let text):
            guard let tree = Pattern(text), let program = PatternProgram(tree, endsAtLines: true)
            else {
                throw TokenizationError(.unsupported("the regular expression \(text)"))
            }
            self = .regex(program)
        }
    }

    /// The matches from left to right, as ranges of characters.
    func matches(in text: ReferenceText) -> [Range<Int>] {
        let scalars = text.scalars
        switch self {
        case .literal(let wanted):
            var result: [Range<Int>] = []
            var position = 0
            while !wanted.isEmpty, position + wanted.count <= scalars.count {
                if scalars[position...].starts(with: wanted) {
                    result.append(position..<(position + wanted.count))
                    position += wanted.count
                } else {
                    position += 1
                }
            }
            return result
        case .regex(let program):
            var starts: [Int: Int] = [:]
            var bytes: [UInt8] = []
            for (index, scalar) in scalars.enumerated() {
                starts[bytes.count] = index
                CharacterMapping.append(scalar, to: &bytes)
            }
            starts[bytes.count] = scalars.count
            let matches = unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe PatternMatcher.with(program, buffer) { $0.matches(0, buffer.count) }
            }
            return matches.map { (starts[$0.lowerBound] ?? 0)..<(starts[$0.upperBound] ?? 0) }
        case .character(let isMember):
            return scalars.indices.filter { isMember(scalars[$0]) }.map { $0..<($0 + 1) }
        case .runs(let number):
            var result: [Range<Int>] = []
            var previous = 0
            for (index, scalar) in scalars.enumerated() {
                let kind = number(scalar)
                if kind != 0, kind == previous, let last = result.popLast() {
                    result.append(last.lowerBound..<(index + 1))
                } else if kind != 0 {
                    result.append(index..<(index + 1))
                }
                previous = kind
            }
            return result
        }
    }
}

extension ReferenceText {
    /// The pieces that the matches of a pattern cut the text into; empty ones are left out.
    ///
    /// - Parameter inverted: Whether what lies between the matches counts as the matches.
    func split(
        _ pattern: ReferencePattern, _ behavior: PreTokenizer.Behavior, inverted: Bool = false
    ) -> [ReferenceText] {
        var parts: [(range: Range<Int>, isMatch: Bool)] = []
        var position = 0
        for match in pattern.matches(in: self) {
            if position < match.lowerBound {
                parts.append((position..<match.lowerBound, inverted))
            }
            parts.append((match, !inverted))
            position = match.upperBound
        }
        if position < characters.count { parts.append((position..<characters.count, inverted)) }

        var ranges: [Range<Int>] = []
        var previousIsMatch = false
        switch behavior {
        case .isolated: ranges = parts.map(\.range)
        case .removed: ranges = parts.filter { !$0.isMatch }.map(\.range)
        case .contiguous:
            for part in parts {
                if part.isMatch == previousIsMatch, let last = ranges.popLast() {
                    ranges.append(last.lowerBound..<part.range.upperBound)
                } else {
                    ranges.append(part.range)
                }
                previousIsMatch = part.isMatch
            }
        case .mergedWithPrevious:
            for part in parts {
                if part.isMatch, !previousIsMatch, let last = ranges.popLast() {
                    ranges.append(last.lowerBound..<part.range.upperBound)
                } else {
                    ranges.append(part.range)
                }
                previousIsMatch = part.isMatch
            }
        case .mergedWithNext:
            for part in parts.reversed() {
                if part.isMatch, !previousIsMatch, let last = ranges.popLast() {
                    ranges.append(part.range.lowerBound..<last.upperBound)
                } else {
                    ranges.append(part.range)
                }
                previousIsMatch = part.isMatch
            }
            ranges.reverse()
        }
        return ranges.filter { !$0.isEmpty }.map { slice($0) }
    }
}
