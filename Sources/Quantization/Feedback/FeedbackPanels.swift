internal import CKernels

/// Some rows on their way through rounding with error feedback, in panels of sixteen.
///
/// Stretches of 256 columns are rounded one after the other; what one leaves to all behind it is one
/// product. Fields of all blocks are kept until the end, because descent changes codes again.
final class FeedbackPanels {
    /// The rows of four panels: enough for a strip of the factor to be read from memory once for many.
    static let largestRowCount = 64
    static let width = Int(INGOT_PANEL)
    static let stretchLength = 256

    let format: Format
    let feedback: FeedbackForm
    let factor: FeedbackFactor
    private let importance: UnsafePointer<Float>
    private let effort: RoundingEffort
    let rowCount: Int
    let panelCount: Int
    let columnCount: Int
    var form: ingot_feedback_form
    let isa = InstructionSet.current.isa
    /// The weights as the errors of earlier columns have changed them, and as they were.
    var weights: [Float]
    var originals: [Float]
    var levels: [Float]
    /// One for each group, and one for each block.
    var scales: [Float]
    var minimums: [Float]
    var units: [Float]
    var minimumUnits: [Float]
    /// What a stretch of all panels leaves to the columns behind.
    var errors: [Float]

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
        let width = Self.width
        let panelCount = (rowCount + width - 1) / width
        self.panelCount = panelCount
        columnCount = factor.columnCount
        form = feedback.kernelForm(blockLength: format.blockElementCount)
        func numbers(_ count: Int) -> [Float] {
            .init(repeating: 0, count: panelCount * count * width)
        }
        weights = numbers(columnCount)
        originals = []
        levels = weights
        scales = numbers(columnCount / feedback.groupLength)
        minimums = scales
        units = numbers(columnCount / format.blockElementCount)
        minimumUnits = units
        errors = numbers(Self.stretchLength)
    }

    /// Takes rows.
    func load(_ rows: UnsafePointer<Float>) {
        let width = Self.width
        weights.withUnsafeMutableBufferPointer { weights in
            for row in 0..<rowCount {
                let panel = row / width * columnCount * width + row % width
                for column in 0..<columnCount {
                    weights[panel + column * width] = rows[row * columnCount + column]
                }
            }
        }
        originals = weights
    }

    /// Rounds all columns.
    func round() {
        factor.values.withUnsafeBufferPointer { factor in
            guard let factor = factor.baseAddress else { return }
            for start in stride(from: 0, to: columnCount, by: Self.stretchLength) {
                let end = min(start + Self.stretchLength, columnCount)
                for panel in 0..<panelCount { round(panel, start..<end, factor) }
                subtractErrors(start..<end, factor)
            }
        }
        if effort.descents > 0 { descend(effort.descents) }
    }

    /// The numbers of one panel in an array that has `count` for each row.
    func part(_ panel: Int, _ count: Int, at place: Int = 0) -> Int {
        (panel * count + place) * Self.width
    }

    private func round(_ panel: Int, _ columns: Range<Int>, _ factor: UnsafePointer<Float>) {
        limit(panel, columns)
        start(panel, columns)
        let (start, groups) = (columns.lowerBound, columnCount / feedback.groupLength)
        let blocks = columnCount / format.blockElementCount
        var search = effort.search
        weights.withUnsafeBufferPointer { weights in
            levels.withUnsafeMutableBufferPointer { levels in
                withUnsafeParameters { scales, minimums, units, minimumUnits, errors in
                    let group = part(panel, groups, at: start / feedback.groupLength)
                    let unit = part(panel, blocks, at: start / format.blockElementCount)
                    let column = part(panel, columnCount, at: start)
                    var block = ingot_feedback_block(
                        columnCount: UInt32(columns.count),
                        factor: factor + start * columnCount + start, stride: columnCount,
                        importance: importance + start, weights: weights.baseAddress! + column,
                        unit: units + unit, minimumUnit: minimumUnits + unit,
                        scales: scales + group, minimums: minimums + group,
                        levels: levels.baseAddress! + column,
                        errors: errors + part(panel, Self.stretchLength))
                    _ = ingot_feedback_round(isa, &form, &search, &block)
                }
            }
        }
    }

    private func withUnsafeParameters(
        _ body: (
            _ scales: UnsafeMutablePointer<Float>, _ minimums: UnsafeMutablePointer<Float>,
            _ units: UnsafeMutablePointer<Float>, _ minimumUnits: UnsafeMutablePointer<Float>,
            _ errors: UnsafeMutablePointer<Float>
        ) -> Void
    ) {
        scales.withUnsafeMutableBufferPointer { scales in
            minimums.withUnsafeMutableBufferPointer { minimums in
                units.withUnsafeMutableBufferPointer { units in
                    minimumUnits.withUnsafeMutableBufferPointer { minimumUnits in
                        errors.withUnsafeMutableBufferPointer { errors in
                            body(
                                scales.baseAddress!, minimums.baseAddress!, units.baseAddress!,
                                minimumUnits.baseAddress!, errors.baseAddress!)
                        }
                    }
                }
            }
        }
    }

    /// Keeps what earlier errors have made of the weights within half as much again as the largest of
    /// the block's own, so that no scale goes to a column that only makes up for others; this also
    /// turns what is not finite into numbers.
    private func limit(_ panel: Int, _ columns: Range<Int>) {
        let (width, length) = (Self.width, format.blockElementCount)
        weights.withUnsafeMutableBufferPointer { weights in
            for start in stride(from: columns.lowerBound, to: columns.upperBound, by: length) {
                let place = part(panel, columnCount, at: start)
                for lane in 0..<width {
                    var largest: Float = 0
                    for column in 0..<length {
                        let value = abs(originals[place + column * width + lane])
                        if value > largest { largest = value }
                    }
                    let limit = min(1.5 * largest, .greatestFiniteMagnitude)
                    for column in 0..<length {
                        let index = place + column * width + lane
                        let value = weights[index]
                        weights[index] =
                            value > limit ? limit : value >= -limit ? value : -limit
                    }
                }
            }
        }
    }

    /// Lets the plain encoder find units, scales and minimums for the weights as they are now.
    private func start(_ panel: Int, _ columns: Range<Int>) {
        let (width, count) = (Self.width, columns.count)
        let (group, length) = (feedback.groupLength, format.blockElementCount)
        let byteCount = count / length * format.blockByteCount
        var rows = [Float](repeating: 0, count: width * count)
        var bytes = [UInt8](repeating: 0, count: width * byteCount)
        var codes = [UInt8](repeating: 0, count: width * count)
        var found = [Float](repeating: 0, count: width * (count / group))
        var foundMinimums = found
        let place = part(panel, columnCount, at: columns.lowerBound)
        for column in 0..<count {
            for lane in 0..<width {
                rows[lane * count + column] = weights[place + column * width + lane]
            }
        }
        format.encode?(rows, width, count, importance + columns.lowerBound, &bytes)
        _ = format.codes?.unpack(bytes, width * count, &codes, &found, &foundMinimums)
        let groups = part(
            panel, columnCount / group, at: columns.lowerBound / group)
        for index in 0..<count / group {
            for lane in 0..<width {
                scales[groups + index * width + lane] = found[lane * (count / group) + index]
                minimums[groups + index * width + lane] =
                    -foundMinimums[lane * (count / group) + index]
            }
        }
        let blocks = part(panel, columnCount / length, at: columns.lowerBound / length)
        bytes.withUnsafeBytes { bytes in
            for index in 0..<count / length {
                for lane in 0..<width {
                    let block =
                        bytes.baseAddress! + lane * byteCount + index * format.blockByteCount
                    let (unit, minimumUnit) = feedback.units(block)
                    units[blocks + index * width + lane] = unit
                    minimumUnits[blocks + index * width + lane] = minimumUnit
                }
            }
        }
    }

    /// Takes a stretch's errors off all columns behind it.
    private func subtractErrors(_ columns: Range<Int>, _ factor: UnsafePointer<Float>) {
        let (start, end) = (columns.lowerBound, columns.upperBound)
        weights.withUnsafeMutableBufferPointer { weights in
            errors.withUnsafeBufferPointer { errors in
                // A strip of the factor stays in the cache for all panels.
                for strip in stride(from: end, to: columnCount, by: 64) {
                    for panel in 0..<panelCount {
                        _ = ingot_panel_subtract(
                            isa, errors.baseAddress! + part(panel, Self.stretchLength),
                            columns.count, factor + start * columnCount + strip, columnCount,
                            min(64, columnCount - strip),
                            weights.baseAddress! + part(panel, columnCount, at: strip))
                    }
                }
            }
        }
    }
}
