import Architectures

/// Some tokens of one sequence, at the positions after those that it has.
public struct Stretch: Sendable {
    /// The tokens.
    public var tokens: [Int32]
    /// The tokens, counted from the stretch's first, whose logits are wanted.
    public var scored: Range<Int>
    /// What is kept of the tokens before; `nil` for a window that starts at position 0 and of which
    /// nothing is kept.
    public var sequence: SequenceState?
    /// The first token of a second segment, where a text has two (a pair for a classifier).
    public var segmentStart: Int?

    /// Describes a stretch.
    public init(
        tokens: [Int32], scored: Range<Int>, sequence: SequenceState? = nil,
        segmentStart: Int? = nil
    ) {
        precondition(scored.lowerBound >= 0 && scored.upperBound <= tokens.count, "no such tokens")
        self.tokens = tokens
        self.scored = scored
        self.sequence = sequence
        self.segmentStart = segmentStart
    }

    /// The position of the first token.
    var start: Int { sequence?.count ?? 0 }
    /// The positions that the last token sees.
    var end: Int { start + tokens.count }
}

/// The tokens that a forward step takes: stretches of any number of sequences, each at its own
/// positions.
public struct Batch: Sendable {
    /// The stretches, none of them empty, each of another sequence.
    public let stretches: [Stretch]

    /// Puts stretches together; those without tokens are left out.
    public init(_ stretches: [Stretch]) {
        self.stretches = stretches.filter { !$0.tokens.isEmpty }
        let sequences = self.stretches.compactMap { $0.sequence.map(ObjectIdentifier.init) }
        precondition(Set(sequences).count == sequences.count, "two stretches of one sequence")
    }

    /// Windows of which nothing is kept.
    ///
    /// - Parameter scored: The tokens of each whose logits are wanted; all by default.
    public init(windows: [[Int32]], scored: Range<Int>? = nil) {
        self.init(windows.map { Stretch(tokens: $0, scored: scored ?? 0..<$0.count) })
    }

    /// The number of tokens.
    public var tokenCount: Int { stretches.reduce(0) { $0 + $1.tokens.count } }
    /// The number of tokens whose logits are wanted.
    public var scoredCount: Int { stretches.reduce(0) { $0 + $1.scored.count } }
}

/// A stretch among the rows that a worker takes through a block.
struct StretchRows: Sendable {
    /// The stretch's first row in the group.
    var row: Int
    var count: Int
    /// The tokens whose rows are wanted after the block; the rows of the others are dropped, and
    /// those of these are moved together.
    var wanted: Range<Int>
    /// The first of them in the group, when they are moved together.
    var wantedRow: Int
    /// The position of the first token.
    var start: Int
    /// The tokens.
    var tokens: [Int32]
    /// What is kept of the model for the sequence.
    var state: SequenceState.OfModel?
    var rotary: RotaryTables
}

/// Stretches that one worker takes through a block.
struct StretchGroup: Sendable {
    /// The stretches' numbers in the batch.
    var members: Range<Int>
    /// The first row in the batch.
    var row: Int
    var rowCount: Int
    /// The first wanted row among the batch's.
    var wantedRow: Int
    var wantedCount: Int
    var stretches: [StretchRows]
    /// The adapters that the rows take.
    var adapters: RowAdapters?

    /// The same when all rows are wanted.
    var keepingAll: StretchGroup {
        var group = self
        group.adapters?.keepAll()
        (group.wantedRow, group.wantedCount) = (row, rowCount)
        for index in stretches.indices {
            group.stretches[index].wanted = 0..<stretches[index].count
            group.stretches[index].wantedRow = stretches[index].row
        }
        return group
    }

    /// Puts stretches into groups of about `Decoder.groupTokens` tokens; wanted are the scored.
    static func groups(
        of batch: Batch, for model: Model, number: Int
    ) throws(InferenceError) -> [StretchGroup] {
        var groups: [StretchGroup] = []
        var tables: [Int: RotaryTables] = [:]
        var (row, wantedRow) = (0, 0)
        for (index, stretch) in batch.stretches.enumerated() {
            let (count, wanted) = (stretch.tokens.count, stretch.scored.count)
            if groups.isEmpty
                || groups[groups.count - 1].rowCount + count > Decoder.groupTokens
            {
                groups.append(
                    StretchGroup(
                        members: index..<index, row: row, rowCount: 0, wantedRow: wantedRow,
                        wantedCount: 0, stretches: []))
            }
            let state = stretch.sequence?.models[number]
            let rotary: RotaryTables
            if let known = state?.rotary ?? tables[count] {
                rotary = known
            } else {
                rotary = try RotaryTables(model, count)
                tables[count] = rotary
            }
            let last = groups.count - 1
            groups[last].stretches.append(
                StretchRows(
                    row: groups[last].rowCount, count: count, wanted: stretch.scored,
                    wantedRow: groups[last].wantedCount, start: stretch.start,
                    tokens: stretch.tokens, state: state, rotary: rotary))
            groups[last].members = groups[last].members.lowerBound..<index + 1
            if let choice = model.description.adapterChoice {
                let known = groups[last].adapters ?? RowAdapters()
                groups[last].adapters = known.adding(
                    choice.adapters(of: stretch.tokens, state?.adapterChoice),
                    wanted: stretch.scored)
            }
            groups[last].rowCount += count
            groups[last].wantedCount += wanted
            row += count
            wantedRow += wanted
        }
        return groups
    }
}
