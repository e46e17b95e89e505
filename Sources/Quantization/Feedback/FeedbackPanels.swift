internal import CKernels

/// Some rows on their way through rounding with error feedback, in panels of sixteen.
///
/// Stretches of 256 columns are rounded one after the other; what one leaves to all behind it is one
/// product. Fields of all blocks are kept until the end, because descent changes codes again.
final class FeedbackPanels {
    /// The rows of four panels: a strip of the factor is read from memory once for all of them.
    static let largestRowCount = 64
    static let width = Int(INGOT_PANEL)
    static let stretchLength = 256

    /// Numbers of all panels: those of one panel together, in it number after number, of each a lane
    /// for every row.
    typealias Numbers = UnsafeMutablePointer<Float>

    let format: Format
    let feedback: FeedbackForm
    let factor: FeedbackFactor
    let importance: UnsafePointer<Float>
    let effort: RoundingEffort
    let rowCount: Int
    let panelCount: Int
    let columnCount: Int
    var form: ingot_feedback_form
    let isa = InstructionSet.current.isa
    /// The weights as the errors of earlier columns have changed them; gradients during descent.
    let weights: Numbers
    /// The weights as they were.
    let originals: Numbers
    /// A level for each column.
    let levels: Numbers
    /// One for each group.
    let scales: Numbers
    let minimums: Numbers
    /// One for each block.
    let units: Numbers
    let minimumUnits: Numbers
    /// What a stretch leaves to the columns behind.
    let errors: Numbers
    private let all: Numbers
    private let grid: UnsafeMutablePointer<ingot_feedback_grid>?

    init(
        _ format: Format, _ feedback: FeedbackForm, _ factor: FeedbackFactor,
        _ importance: UnsafePointer<Float>, _ effort: RoundingEffort, rowCount: Int
    ) {
        self.format = format
        self.feedback = feedback
        self.factor = factor
        self.importance = importance
        self.effort = effort
        self.rowCount = rowCount
        let panelCount = (rowCount + Self.width - 1) / Self.width
        self.panelCount = panelCount
        columnCount = factor.columnCount
        let groups = columnCount / feedback.groupLength
        let blocks = columnCount / format.blockElementCount
        let lengths =
            [columnCount, columnCount, columnCount, groups, groups, blocks, blocks]
            + [Self.stretchLength]
        let lanes = panelCount * Self.width
        let count = lengths.reduce(0, +) * lanes
        all = .allocate(capacity: count)
        all.initialize(repeating: 0, count: count)
        var rest = all
        let places = lengths.map { length in
            defer { rest += length * lanes }
            return rest
        }
        (weights, originals, levels) = (places[0], places[1], places[2])
        (scales, minimums, units, minimumUnits) = (places[3], places[4], places[5], places[6])
        errors = places[7]
        form = feedback.kernelForm(blockLength: format.blockElementCount)
        grid = feedback.kernelGrid().map { kernelGrid in
            let grid = UnsafeMutablePointer<ingot_feedback_grid>.allocate(capacity: 1)
            grid.initialize(to: kernelGrid)
            return grid
        }
        form.grid = UnsafePointer(grid)
    }

    deinit {
        all.deallocate()
        grid?.deallocate()
    }

    /// Where number `place` of a panel is, in an array that has `count` for each row.
    func part(_ panel: Int, _ count: Int, at place: Int = 0) -> Int {
        (panel * count + place) * Self.width
    }
    func column(_ panel: Int, _ column: Int) -> Int { part(panel, columnCount, at: column) }
    func group(_ panel: Int, of column: Int) -> Int {
        part(panel, columnCount / feedback.groupLength, at: column / feedback.groupLength)
    }
    func block(_ panel: Int, of column: Int) -> Int {
        let length = format.blockElementCount
        return part(panel, columnCount / length, at: column / length)
    }

    /// Takes rows.
    func load(_ rows: UnsafePointer<Float>) {
        for row in 0..<rowCount {
            let lane = column(row / Self.width, 0) + row % Self.width
            for column in 0..<columnCount {
                weights[lane + column * Self.width] = rows[row * columnCount + column]
            }
        }
        originals.update(from: weights, count: panelCount * columnCount * Self.width)
    }

    /// Rounds all columns.
    func round() {
        factor.values.withUnsafeBufferPointer { values in
            guard let values = values.baseAddress else { return }
            for start in stride(from: 0, to: columnCount, by: Self.stretchLength) {
                let columns = start..<min(start + Self.stretchLength, columnCount)
                for panel in 0..<panelCount { round(panel, columns, values) }
                subtract(
                    errors, rows: columns.count, of: values + start * columnCount,
                    from: columns.upperBound..<columnCount)
            }
        }
        if effort.descents > 0 { descend(effort.descents) }
    }

    /// Takes the product of changes of `count` columns and as many rows of a matrix off the weights,
    /// or off the gradients, of other columns.
    func subtract(
        _ changes: Numbers, rows count: Int, changesCount: Int = stretchLength,
        of matrix: UnsafePointer<Float>, from columns: Range<Int>
    ) {
        // A strip of the matrix stays in the cache for all panels.
        for strip in stride(from: columns.lowerBound, to: columns.upperBound, by: 64) {
            for panel in 0..<panelCount {
                _ = ingot_panel_subtract(
                    isa, changes + part(panel, changesCount), count, matrix + strip, columnCount,
                    min(64, columns.upperBound - strip), weights + column(panel, strip))
            }
        }
    }

    private func round(_ panel: Int, _ columns: Range<Int>, _ values: UnsafePointer<Float>) {
        limit(panel, columns)
        startPlainly(panel, columns)
        let start = columns.lowerBound
        var search = effort.search
        var stretch = ingot_feedback_block(
            columnCount: UInt32(columns.count),
            factor: values + start * columnCount + start, stride: columnCount,
            importance: importance + start, weights: weights + column(panel, start),
            unit: units + block(panel, of: start),
            minimumUnit: minimumUnits + block(panel, of: start),
            scales: scales + group(panel, of: start), minimums: minimums + group(panel, of: start),
            levels: levels + column(panel, start), errors: errors + part(panel, Self.stretchLength))
        _ = ingot_feedback_round(isa, &form, &search, &stretch)
    }

    /// Keeps what earlier errors have made of the weights within half as much again as the largest of
    /// the block's own.
    ///
    /// So no scale goes to columns that only make up for others, and what is not finite becomes a
    /// number.
    private func limit(_ panel: Int, _ columns: Range<Int>) {
        let (width, length) = (Self.width, format.blockElementCount)
        for start in stride(from: columns.lowerBound, to: columns.upperBound, by: length) {
            for lane in column(panel, start)..<column(panel, start) + width {
                var largest: Float = 0
                for place in stride(from: lane, to: lane + length * width, by: width) {
                    largest = max(largest, abs(originals[place]))
                }
                let limit = min(1.5 * largest, .greatestFiniteMagnitude)
                for place in stride(from: lane, to: lane + length * width, by: width) {
                    let value = weights[place]
                    weights[place] = value > limit ? limit : value >= -limit ? value : -limit
                }
            }
        }
    }

    /// Lets the plain encoder find units, scales and minimums for the weights as they are now.
    private func startPlainly(_ panel: Int, _ columns: Range<Int>) {
        let (width, count, start) = (Self.width, columns.count, columns.lowerBound)
        let groupCount = count / feedback.groupLength
        let blockCount = count / format.blockElementCount
        let byteCount = blockCount * format.blockByteCount
        withScratch(width * (count + 2 * groupCount), of: Float.self) { rows in
            withScratch(width * (byteCount + count), of: UInt8.self) { bytes in
                for place in 0..<count {
                    for lane in 0..<width {
                        rows[lane * count + place] = weights[column(panel, start + place) + lane]
                    }
                }
                format.encode?(rows, width, count, importance + start, bytes)
                let found = rows + width * count
                let foundMinimums = found + width * groupCount
                foundMinimums.update(repeating: 0, count: width * groupCount)
                _ = format.codes?.unpack(
                    bytes, width * count, bytes + width * byteCount, found, foundMinimums)
                for lane in 0..<width {
                    for index in 0..<groupCount {
                        let place = group(panel, of: start) + index * width + lane
                        scales[place] = found[lane * groupCount + index]
                        minimums[place] = -foundMinimums[lane * groupCount + index]
                    }
                    for index in 0..<blockCount {
                        let place = block(panel, of: start) + index * width + lane
                        (units[place], minimumUnits[place]) = feedback.units(
                            bytes + lane * byteCount + index * format.blockByteCount)
                    }
                }
            }
        }
    }
}
