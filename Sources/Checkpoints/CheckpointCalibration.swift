public import Calibration
import Conversion
import GGUF
import Inference
import Pipeline
public import Quantization
import Safetensors
import Synchronization
import TensorCore

/// What a text makes of a planned directory: rounding with error feedback, and scales of activations.
///
/// `@unchecked Sendable`: what changes is changed by `prepare` alone, while nothing is rounded.
public final class CheckpointCalibration: MatrixRounding, @unchecked Sendable {
    private let plan: CheckpointPlan
    private let pool: WorkerPool
    private let feedback: CalibratedRounding?
    private let format: GroupFormat?
    private let values: ScaledSource
    private let inputs: InputRanges?
    private let scaling: ColumnScaling?
    private let cache: CacheRanges?
    private var places: [CheckpointModel.Place: Int] = [:]
    /// What the model card says of it.
    let description: String

    /// Runs windows through the model where scales of activations are wanted, and prepares to round.
    ///
    /// - Throws: `InferenceError` about a model that cannot be run, and what reading throws.
    public init(
        _ plan: CheckpointPlan, windows: CalibrationWindows, effort: RoundingEffort = .normal,
        texts: [String], threadCount: Int? = nil
    ) throws {
        self.plan = plan
        let pool = WorkerPool(threadCount: threadCount)
        self.pool = pool
        let source = plan.model.conversion
        let isScaled = if case .scaledColumns = plan.form.calibration { true } else { false }
        cache = plan.options.hasCacheScales ? CacheRanges(source) : nil
        inputs =
            plan.needsText || isScaled
            ? try InputRanges(
                source, windows: windows.fitting + windows.validation, sumsColumns: isScaled,
                cache: cache, pool: pool) : nil
        let scaling =
            try isScaled ? inputs.map { try ColumnScaling(plan, inputs: $0, pool: pool) } : nil
        self.scaling = scaling
        values = ScaledSource(source, scaling)
        let names = texts.joined(separator: ", ")
        if case .none = plan.form.calibration {
            (feedback, format) = (nil, nil)
            description = "to nearest, with scales of activations from \(names)"
        } else {
            let format = GroupFormat(plan.grid)
            var formats: [Int: [Format]] = [:]
            for matrix in plan.matrices where format.fits(matrix.linear.columns) {
                formats[matrix.linear.place.tensor] = [format.format]
            }
            feedback = try CalibratedRounding(
                Model(source: source), values: values, formats: formats, windows: windows,
                effort: effort, pool: pool
            ) { group in
                group.tensors.first.flatMap { scaling?.columns[$0] }.map { $0.map { 1 / $0 } }
            }
            self.format = format
            description =
                "with error feedback (GPTQ)"
                + (isScaled ? " and scaled columns (AWQ)" : "")
                + " on \(windows.tokenCount) tokens of \(names)"
        }
        for (number, group) in (feedback?.groups ?? []).enumerated() {
            for tensor in group.tensors {
                places[.init(tensor: tensor, matrix: group.matrix)] = number
            }
        }
    }

    /// What became of the tensors.
    public var outcome: CalibrationOutcome? { feedback?.outcome }

    var groups: [Int] { Array((feedback?.groups ?? []).indices) }

    func group(of linear: LinearMatrix) -> Int? {
        guard let format, format.fits(linear.columns),
            plan.model.conversion.tensors[linear.place.tensor].shape.rowLength == linear.columns
        else { return nil }
        return places[linear.place]
    }

    func prepare(group: Int, ranges: inout MatrixRanges) throws {
        guard let feedback, let format else { return }
        values.divisors = [:]
        if plan.grid.hasGlobalScale {
            let wanted = feedback.groups[group]
            for matrix in plan.matrices
            where matrix.linear.place.matrix == wanted.matrix
                && wanted.tensors.contains(matrix.linear.place.tensor)
            {
                let largest = try ranges.largest(of: matrix.linear, rounding: self, pool: pool)
                values.divisors[matrix.linear.place] = largest > 0 ? largest / (448 * 6) : 1
            }
        }
        values.dividesRows = format.dividesRows
        try feedback.prepare(group: group)
    }

    func round(
        _ rows: Range<Int>, _ values: UnsafeMutablePointer<Float>, of linear: LinearMatrix,
        into coded: CodedMatrix
    ) {
        guard let feedback, let format else { return }
        let columns = linear.columns
        var rowScales: [RowScale] = []
        if let divide = format.dividesRows {
            rowScales = (0..<rows.count).map { divide(values + $0 * columns, columns) }
        } else if plan.grid.hasGlobalScale {
            for index in 0..<rows.count * columns { values[index] /= coded.unit }
        }
        let grid = format.format
        guard let byteCount = grid.byteCount(rowLength: columns, rowCount: rows.count) else {
            return
        }
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(64, byteCount), alignment: 64)
        defer { bytes.deallocate() }
        feedback.encode(
            values, rowCount: rows.count, tensor: linear.place.tensor, as: grid, into: bytes)
        format.unpack(bytes, rows, rowScales, into: coded)
    }

    func scale(
        _ values: UnsafeMutablePointer<Float>, rows: Range<Int>, of linear: LinearMatrix
    ) {
        guard let scaling, case .tensor = linear.values else { return }
        scaling.apply(
            to: values, rows: rows, tensor: linear.place.tensor, rowLength: linear.columns)
    }

    func replacement(of tensor: String) -> [Float]? { scaling?.replacements[tensor] }

    func largestCached(block: Int, isKey: Bool) -> Float? {
        cache?.largest(block: block, isKey: isKey)
    }

    func largestInput(of linear: LinearMatrix) -> Float? {
        let isInteger = if case .integers = plan.grid.codes { true } else { false }
        return inputs?.magnitude(
            of: plan.model.conversion.tensors[linear.place.tensor].name,
            levels: isInteger ? 127.5 : nil)
    }
}

/// A grid as groups in memory, which rounding with feedback fills.
struct GroupFormat: Sendable {
    let format: Format
    private let grid: WeightGrid
    private let length: Int
    private let blockByteCount: Int

    init(_ grid: WeightGrid) {
        self.grid = grid
        // Where a row has one scale it is divided by it beforehand.
        length = if case .group(let size) = grid.scope { size } else { 32 }
        let codes: GroupGrid.Codes =
            switch grid.codes {
            // Where a row has one zero point it is shifted beforehand.
            case .integers(let bits, let isSymmetric):
                isSymmetric || grid.scope == .channel
                    ? .symmetric(bits: bits) : .asymmetric(bits: bits)
            case .e2m1: .e2m1
            case .e4m3: .e4m3
            }
        let scale: GroupGrid.Scale =
            if case .channel = grid.scope {
                .one
            } else {
                switch grid.scale {
                case .f16: .f16
                case .bf16, .f32: .bf16
                case .e4m3: .e4m3
                case .exponent: .powerOfTwo
                }
            }
        let group = GroupGrid(codes: codes, length: length, scale: scale)
        format = group.format
        blockByteCount = group.byteCount
    }

    func fits(_ columns: Int) -> Bool { columns % length == 0 }

    /// Divides a row by its one scale, which it returns, and shifts it so that codes are around zero;
    /// `nil` where groups have their own.
    var dividesRows: (@Sendable (UnsafeMutablePointer<Float>, Int) -> RowScale)? {
        guard case .channel = grid.scope else { return nil }
        return { [grid] row, count in
            let found = RowScale(best: grid, row, count)
            let shift = Float(found.zero) - Float(1 << (grid.bits - 1))
            for index in 0..<count { row[index] = row[index] / found.scale + shift }
            return found
        }
    }

    /// Takes groups apart.
    func unpack(
        _ bytes: UnsafeRawPointer, _ rows: Range<Int>, _ rowScales: [RowScale],
        into coded: CodedMatrix
    ) {
        let groups = coded.columnCount / length
        for row in rows {
            let line = bytes + (row - rows.lowerBound) * groups * blockByteCount
            for group in 0..<groups {
                let block = line + group * blockByteCount
                let place = coded.place(row: row, column: group * length)
                var (scale, zero) = GroupGrid.parameters(block)
                if !rowScales.isEmpty {
                    let own = rowScales[row - rows.lowerBound]
                    (scale, zero) = (own.scale, own.zero)
                }
                coded.scales[place] = scale
                if grid.hasZeroPoints { coded.zeros[place] = zero }
                let codes = coded.codes + row * coded.columnCount + group * length
                for index in 0..<length {
                    codes[index] = block.load(
                        fromByteOffset: GroupGrid.codesOffset + index, as: UInt8.self)
                }
            }
        }
    }
}

/// The one scale of a row, and its zero point.
struct RowScale: Sendable {
    private(set) var scale: Float = 1
    /// The code of zero: the middle one of symmetric integers.
    private(set) var zero: UInt8

    /// Finds the scale with the least error of rounding to nearest, of some that keep less than the
    /// range.
    init(best grid: WeightGrid, _ row: UnsafePointer<Float>, _ count: Int) {
        zero = UInt8(1 << (grid.bits - 1))
        var (low, high): (Float, Float) = (0, 0)
        for index in 0..<count {
            low = min(low, row[index])
            high = max(high, row[index])
        }
        guard high > low else { return }
        let range = grid.hasZeroPoints ? high - low : max(-low, high)
        let top = Float(1 << grid.bits - 1)
        var least = Float.infinity
        for step in 0..<(grid.bits <= 4 ? 12 : 1) {
            let share = 1 - 0.05 * Float(step)
            let scale = grid.scale.stored(range * share / grid.divisor)
            let zero =
                grid.hasZeroPoints
                ? min(max((-low * share / scale).rounded(.toNearestOrEven), 0), top)
                : Float(self.zero)
            var error: Float = 0
            for index in 0..<count {
                let code = (row[index] / scale).rounded(.toNearestOrEven)
                let difference = min(max(code, -zero), top - zero) * scale - row[index]
                error += difference * difference
            }
            if error < least { (self.scale, self.zero, least) = (scale, UInt8(zero), error) }
        }
    }
}

/// The tensors of a source as they are rounded: divided by the scale of their matrix or of each row.
///
/// `@unchecked Sendable`: changed only while nothing is read.
final class ScaledSource: ForwardingSource, @unchecked Sendable {
    let base: any TensorSource
    var divisors: [CheckpointModel.Place: Float] = [:]
    var dividesRows: (@Sendable (UnsafeMutablePointer<Float>, Int) -> RowScale)?

    private let scaling: ColumnScaling?

    init(_ base: any TensorSource, _ scaling: ColumnScaling?) {
        self.base = base
        self.scaling = scaling
    }

    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try base.readRows(rows, ofTensor: tensor, into: destination, scratch: scratch)
        let shape = tensors[tensor].shape
        scaling?.apply(to: destination, rows: rows, tensor: tensor, rowLength: shape.rowLength)
        let height = shape.rank > 2 ? shape.dimensions[1] : nil
        for row in rows {
            let values = destination + (row - rows.lowerBound) * shape.rowLength
            if let dividesRows { _ = dividesRows(values, shape.rowLength) }
            let place = CheckpointModel.Place(tensor: tensor, matrix: height.map { row / $0 })
            if let divisor = divisors[place] {
                for column in 0..<shape.rowLength { values[column] /= divisor }
            }
        }
    }

    func holdsBytes(ofTensor tensor: Int) -> Bool { false }
}
