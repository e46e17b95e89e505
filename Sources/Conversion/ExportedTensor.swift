import Architectures
import GGUF
import Quantization
import Safetensors
import TensorCore

/// A tensor of a checkpoint whose values are in the tensors of a GGUF file: the way back through a
/// family's rules.
///
/// The views of the rules are turned round, so that nothing is held: a range of the stored tensor
/// is read from wherever its values are in the file.
struct ExportedTensor: ReadableTensor {
    let name: String
    let shape: Shape
    let path: String
    let dataType: DataType?
    /// The values' parts, in the order in which they take turns.
    let windows: [ExportWindow]
    /// The elements after which the same windows come again.
    let period: Int
    /// The values that a conversion does not give back to the bit.
    let inexactCount: Int

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        var position = elements.lowerBound
        while position < elements.upperBound {
            let (turn, inTurn) = position.quotientAndRemainder(dividingBy: period)
            guard let window = windows.first(where: { $0.range.contains(inTurn) }) else {
                // What the model has no use for is not in the file.
                let next = windows.lazy.map(\.range.lowerBound).filter { $0 > inTurn }.min()
                let end = min(elements.upperBound, turn * period + (next ?? period))
                for place in position..<end { destination[place - elements.lowerBound] = 0 }
                position = end
                continue
            }
            let end = min(elements.upperBound, turn * period + window.range.upperBound)
            let start = turn * window.range.count + inTurn - window.range.lowerBound
            try window.readFloats(
                start..<start + end - position, into: destination + position - elements.lowerBound,
                scratch: scratch)
            position = end
        }
    }
}

/// A part of every period of a stored tensor, and where its values are.
struct ExportWindow: Sendable {
    /// The elements of the period.
    let range: Range<Int>
    /// For the elements of all windows, in stored order: the elements of the file's tensor.
    let view: StridedView
    let source: any TensorSource
    let tensor: Int
    /// What the conversion has done to every value.
    let change: ValueChange
    /// Whether the checkpoint's values are F16.
    let inHalves: Bool

    func readFloats(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let rowLength = source.tensors[tensor].shape.rowLength
        var staged = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
        defer { staged.deallocate() }
        try view.forEachPiece(of: elements) { piece in
            let rows =
                piece.stored.lowerBound / rowLength..<(piece.stored.upperBound - 1) / rowLength + 1
            let first = piece.stored.lowerBound - rows.lowerBound * rowLength
            if piece.isCopy, first == 0, piece.stored.count == rows.count * rowLength {
                try source.readRows(
                    rows, ofTensor: tensor, into: destination + piece.start, scratch: scratch)
                return
            }
            if staged.count < rows.count * rowLength {
                staged.deallocate()
                staged = .allocate(capacity: rows.count * rowLength)
            }
            guard let base = staged.baseAddress else { return }
            try source.readRows(rows, ofTensor: tensor, into: base, scratch: scratch)
            piece.forEach { destination[$1] = base[first + $0] }
        }
        guard change != .none else { return }
        for index in 0..<elements.count {
            destination[index] = change.undone(destination[index], inHalves: inHalves)
        }
    }
}

extension StridedView {
    /// The stored elements that a view takes, and for these, in stored order, their elements in
    /// the result: the view turned round.
    ///
    /// - Parameters:
    ///   - elementCount: The number of stored elements.
    ///   - start: The number of the result's elements in front of those of this view.
    /// - Returns: `nil` when the elements are not the same part of every period.
    func inverted(
        of elementCount: Int, from start: Int
    ) -> (period: Int, range: Range<Int>, view: StridedView)? {
        var steps: [(axis: Axis, step: Int)] = []
        var step = 1
        for axis in axes.reversed() {
            if axis.count > 1 { steps.append((axis, step)) }
            step *= axis.count
        }
        steps.sort { $0.axis.stride < $1.axis.stride }
        var (run, next) = (1, 1)
        var period: Int?
        for (axis, _) in steps {
            if axis.stride != next {
                guard period == nil, axis.stride > next else { return nil }
                period = axis.stride
                next = axis.stride
            }
            next *= axis.count
            if period == nil { run = next }
        }
        let whole = period ?? elementCount
        guard period == nil || next == elementCount, offset + run <= whole else { return nil }
        return (
            whole, offset..<offset + run,
            StridedView(
                steps.reversed().map { Axis(count: $0.axis.count, stride: $0.step) }, from: start)
        )
    }

    /// Axes of the result, outermost first, and the stored element that comes first.
    private init(_ sides: [Axis], from offset: Int) {
        var merged: [Axis] = []
        for axis in sides {
            if let last = merged.last, last.stride == axis.count * axis.stride {
                merged[merged.count - 1] = Axis(
                    count: last.count * axis.count, stride: axis.stride)
            } else {
                merged.append(axis)
            }
        }
        self.init(axes: merged.isEmpty ? [Axis(count: 1, stride: 1)] : merged, offset: offset)
    }
}

/// Finds for the tensors of a GGUF file the checkpoint's tensors that become them.
struct TensorExporter {
    let family: ModelFamily
    let configuration: ModelConfiguration
    let source: any TensorSource
    /// The type that a tensor of a format is written as.
    let dataType: @Sendable (Format) -> DataType

    /// The checkpoint's tensors in the order that the conversion makes the file's order of, those
    /// that become the same tensors of the file together.
    ///
    /// Of rules for the same tensors the first counts whose values can all be found. The numbers
    /// of the file's tensors that no rule makes are returned too.
    func tensors() throws -> (exported: [[ExportedTensor]], left: [Int]) {
        var numbers: [String: Int] = [:]
        for (number, tensor) in source.tensors.enumerated() { numbers[tensor.name] = number }
        var groups: [(place: Int, tensors: [ExportedTensor])] = []
        let blockCount = try configuration.blockCount()
        for rule in family.tensors.rules where !rule.outputs.isEmpty {
            for block in 0..<(rule.outputs.contains { $0.name.isPerBlock } ? blockCount : 1) {
                let names = rule.outputs.map { $0.name.name(block: block) }
                let found = names.compactMap { numbers[$0] }
                guard found.count == names.count,
                    try rule.condition.holds(configuration, block),
                    let tensors = try tensors(of: rule, block: block, outputs: found)
                else { continue }
                for name in names { numbers[name] = nil }
                groups.append((found.min() ?? 0, tensors))
            }
        }
        groups.sort { $0.place < $1.place }
        return (groups.map(\.tensors), numbers.values.sorted())
    }

    /// A source of a rule: its shape, and of each of its tensors the parts that outputs have.
    private struct SourceParts {
        let shape: Shape
        var type: DataType?
        var windows: [[(period: Int, window: ExportWindow)]]
    }

    /// The sources of a rule in a block; `nil` when the outputs do not have all of their values.
    private func tensors(
        of rule: TensorRule, block: Int, outputs: [Int]
    ) throws -> [ExportedTensor]? {
        var configuration = configuration
        configuration.block = block
        var sources: [SourceParts] = []
        for source in rule.sources {
            guard let sizes = try source.shape?.map({ try $0.size(in: configuration) }),
                let shape = Shape(sizes), shape.elementCount > 0
            else { return nil }
            let count = try source.count.size(in: configuration)
            guard count <= ModelConfiguration.expertLimit else { return nil }
            sources.append(
                SourceParts(shape: shape, windows: Array(repeating: [], count: count)))
        }
        var inexactCount = 0
        for (output, tensor) in zip(rule.outputs, outputs) {
            // A number that the configuration has is no value of a source.
            if case .filled = output.values { continue }
            guard
                let inexact = try add(
                    output, tensor: tensor, to: &sources, in: configuration)
            else { return nil }
            inexactCount += inexact
        }
        return try exported(sources, of: rule, block: block, inexactCount: inexactCount)
    }

    /// Adds to the sources the parts that an output has of them.
    ///
    /// - Returns: How many values do not come back to the bit; `nil` where the output has others than
    ///   the sources' values.
    private func add(
        _ output: TensorRule.Output, tensor: Int, to sources: inout [SourceParts],
        in configuration: ModelConfiguration
    ) throws -> Int? {
        guard case .parts(let parts, let change) = output.values else { return nil }
        var inexactCount = 0
        var stored = dataType(source.tensors[tensor].format)
        if change == .negatedExponential {
            guard let found = try logarithms(of: tensor, as: stored) else { return nil }
            stored = found.type
            inexactCount = found.inexactCount
        }
        let count = source.tensors[tensor].shape.elementCount
        var (start, turned) = (0, configuration)
        for turn in 0..<(try output.repeats.size(in: configuration)) {
            turned.turn = turn
            for part in parts {
                let shape = sources[part.source].shape
                let view = try part.view.map { try StridedView($0, of: shape, in: turned) }
                guard let view = view ?? StridedView(elementCount: shape.elementCount) else {
                    return nil
                }
                guard !part.isZero else {
                    start += view.elementCount
                    continue
                }
                sources[part.source].type = stored
                for expert in sources[part.source].windows.indices {
                    guard start < count,
                        let inverse = view.inverted(of: shape.elementCount, from: start)
                    else { return nil }
                    let window = ExportWindow(
                        range: inverse.range, view: inverse.view, source: source, tensor: tensor,
                        change: change, inHalves: stored == .F16)
                    sources[part.source].windows[expert].append((inverse.period, window))
                    start += view.elementCount
                }
            }
        }
        return start == count || output.isPadded && start < count ? inexactCount : nil
    }

    /// Puts sources together from their parts; `nil` when some part is missing.
    private func exported(
        _ sources: [SourceParts], of rule: TensorRule, block: Int, inexactCount: Int
    ) throws -> [ExportedTensor]? {
        var exported: [ExportedTensor] = []
        for (kind, parts) in zip(rule.sources, sources) {
            for (expert, found) in parts.windows.enumerated() {
                let sorted = found.sorted {
                    $0.window.range.lowerBound < $1.window.range.lowerBound
                }
                var end = 0
                for (period, window) in sorted {
                    guard period == sorted[0].period,
                        rule.leavesUnused || window.range.lowerBound == end
                    else { return nil }
                    end = window.range.upperBound
                }
                guard let first = sorted.first, rule.leavesUnused || end == first.period else {
                    return nil
                }
                exported.append(
                    ExportedTensor(
                        name: try family.checkpointName(
                            of: kind.pattern.name(block: block, expert: "\(expert)"),
                            in: configuration),
                        shape: parts.shape, path: source.path,
                        dataType: parts.type
                            ?? dataType(source.tensors[first.window.tensor].format),
                        windows: sorted.map(\.window), period: first.period,
                        inexactCount: inexactCount))
            }
        }
        return exported
    }
}
