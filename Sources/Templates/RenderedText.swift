/// What a template came to: its text, with what the template wrote told apart from what values
/// brought in.
public struct RenderedText: Sendable, Hashable {
    /// A stretch of the text.
    public enum Piece: Sendable, Hashable {
        /// Written by the template: control tokens in it are control tokens.
        case template(String)
        /// Brought in by a value: control tokens in it are text.
        case value(String)

        /// The text.
        public var text: String {
            switch self {
            case .template(let text), .value(let text): text
            }
        }
    }

    /// The text in UTF-8.
    public let utf8: [UInt8]
    /// The stretches that the template wrote, as ranges of `utf8`.
    public let templateRanges: [Range<Int>]
    /// What stands in `generation` blocks, as ranges of `utf8`: the assistant's own words.
    public let generationRanges: [Range<Int>]

    init(units: [UInt32], generated: [Range<Int>]) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(units.count)
        var ranges: [Range<Int>] = []
        var offsets: [Int: Int] = [:]
        let wanted = Set(generated.flatMap { [$0.lowerBound, $0.upperBound] })
        var start: Int?
        for (index, unit) in units.enumerated() {
            if wanted.contains(index) { offsets[index] = bytes.count }
            if unit & Text.valueMark == 0 {
                if start == nil { start = bytes.count }
            } else if let first = start {
                ranges.append(first..<bytes.count)
                start = nil
            }
            bytes += UTF8.encode(Text.scalar(unit)).map(Array.init) ?? []
        }
        offsets[units.count] = bytes.count
        if let start { ranges.append(start..<bytes.count) }
        utf8 = bytes
        templateRanges = ranges
        generationRanges = generated.map {
            (offsets[$0.lowerBound] ?? 0)..<(offsets[$0.upperBound] ?? 0)
        }
    }

    /// The text.
    public var text: String { String(decoding: utf8, as: UTF8.self) }

    /// The text in stretches.
    public var pieces: [Piece] {
        var result: [Piece] = []
        var position = 0
        func string(_ range: Range<Int>) -> String { String(decoding: utf8[range], as: UTF8.self) }
        for range in templateRanges {
            if position < range.lowerBound {
                result.append(.value(string(position..<range.lowerBound)))
            }
            result.append(.template(string(range)))
            position = range.upperBound
        }
        if position < utf8.count { result.append(.value(string(position..<utf8.count))) }
        return result
    }
}
