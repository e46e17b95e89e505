import Architectures
import Quantization
import Safetensors
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where the values of a converted tensor come from.
enum TensorContent: Sendable {
    /// They are computed from the configuration.
    case generated([Float])
    /// They are parts of stored tensors.
    case stored(StoredParts)
    /// They are parts of stored tensors that are added to each other.
    case sum(SummedParts)
    /// They are products of stored tensors' values, two each.
    case product([StoredParts])
    /// They are MXFP4 blocks, put together from two stored tensors.
    case mxfp4(MXFP4Rows)
    /// They are integers.
    case numbers(IntegerRows)

    /// The format of the tensor in a file of this type; MXFP4 blocks stay what they are.
    func format(in outputType: OutputType, name: String, shape: Shape) -> Format {
        if case .mxfp4 = self { return .MXFP4 }
        if case .numbers(let numbers) = self { return numbers.format }
        return outputType.format(
            ofTensor: name, rank: shape.rank, rowLength: shape.rowLength)
    }

    /// The format in which values keep the type that they are stored in; `nil` where another counts.
    ///
    /// FP8 has no format of its own and becomes Q8_0.
    func keptFormat(rowLength: Int) -> Format? {
        guard case .stored(let parts) = self else { return nil }
        let types = Set(parts.parts.map(\.values.dataType))
        guard types.count == 1, let type = types.first else { return nil }
        switch type {
        case nil: return Format.Q8_0.fits(rowLength: rowLength) ? .Q8_0 : .F16
        case .BF16?: return .BF16
        case .F32?: return .F32
        default: return nil
        }
    }

    /// The stored type of each part's values; `nil` for values that are computed from codes.
    var storedTypes: [DataType?] {
        switch self {
        case .stored(let parts): parts.parts.map(\.values.dataType)
        case .sum(let parts): parts.parts.map(\.values.dataType)
        case .product(let factors): factors.flatMap { $0.parts.map(\.values.dataType) }
        case .generated, .mxfp4, .numbers: []
        }
    }

    /// Reads rows as F32.
    func readFloats(
        _ rows: Range<Int>, rowLength: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let elements = rows.lowerBound * rowLength..<rows.upperBound * rowLength
        switch self {
        case .generated(let values):
            for index in elements { destination[index - elements.lowerBound] = values[index] }
        case .stored(let parts):
            try parts.readFloats(elements, into: destination, scratch: scratch)
        case .sum(let parts):
            try parts.readFloats(elements, into: destination, scratch: scratch)
        case .product(let factors):
            try factors[0].readFloats(elements, into: destination, scratch: scratch)
            let others = UnsafeMutablePointer<Float>.allocate(capacity: elements.count)
            defer { others.deallocate() }
            try factors[1].readFloats(elements, into: others, scratch: scratch)
            for index in 0..<elements.count { destination[index] *= others[index] }
        case .mxfp4(let blocks):
            try blocks.readFloats(rows, into: destination, scratch: scratch)
        case .numbers(let numbers):
            for (place, value) in try numbers.values(elements).enumerated() {
                destination[place] = Float(value)
            }
        }
    }

    /// Whether `readBytes` gives rows in this format without a detour over F32.
    func holdsBytes(of format: Format, rowLength: Int) -> Bool {
        switch self {
        case .generated, .sum, .product: false
        case .stored(let parts): parts.holdsBytes(of: format, rowLength: rowLength)
        case .mxfp4: format == .MXFP4
        case .numbers(let numbers): format == numbers.format
        }
    }

    /// Copies rows in the format for which `holdsBytes` holds.
    func readBytes(
        _ rows: Range<Int>, rowLength: Int, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        switch self {
        case .generated, .sum, .product:
            preconditionFailure("a computed tensor has no stored bytes")
        case .stored(let parts):
            try parts.readBytes(
                rows.lowerBound * rowLength..<rows.upperBound * rowLength, into: destination)
        case .mxfp4(let blocks): try blocks.readBytes(rows, into: destination)
        case .numbers(let numbers):
            let elements = rows.lowerBound * rowLength..<rows.upperBound * rowLength
            try numbers.readBytes(elements, into: destination)
        }
    }
}

/// Parts of stored tensors, one after another: one tensor, a stack of experts, queries then keys.
struct StoredParts: Sendable {
    struct Part: Sendable {
        let values: any ReadableTensor
        let view: StridedView
        /// What every value is multiplied by, one after another, before the change.
        let factors: [Float]
        /// Whether zeros stand in place of the values.
        var isZero = false
    }

    let parts: [Part]
    /// For each part the number of elements in front of it; one more for all of them.
    let starts: [Int]
    /// What is done to every value.
    let change: ValueChange
    /// The mean of the values' sizes, for a change that goes by it.
    private let meanSize: MeanSize?

    /// Puts parts together; their elements are no more than an `Int` counts, as the shape of the
    /// whole has been checked.
    init(_ parts: [Part], change: ValueChange) {
        self.parts = parts
        self.change = change
        meanSize = change == .ternary ? MeanSize(parts) : nil
        starts = parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.view.elementCount) }
    }

    func readFloats(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let mean = change == .centred ? try mean(scratch) : try meanSize?.value(scratch) ?? 0
        try forEachPart(of: elements) { part, range, start in
            try part.readFloats(range, into: destination + start, scratch: scratch)
            if change == .centred {
                for index in start..<start + range.count {
                    destination[index] = part.rounded(destination[index] - mean)
                }
                return
            }
            if change == .ternary {
                let type = part.values.dataType
                for index in start..<start + range.count {
                    destination[index] = MeanSize.nearest(destination[index], mean, stored: type)
                }
                return
            }
            guard change != .none || !part.factors.isEmpty else { return }
            // The reference calculates in the stored precision where it can.
            let isHalf = part.values.format == .F16
            func rounded(_ value: Float) -> Float {
                isHalf ? HalfFloat.float(fromF16: HalfFloat.f16(from: value)) : value
            }
            for index in start..<start + range.count {
                let value = part.factors.reduce(destination[index]) { rounded($0 * $1) }
                destination[index] = change == .none ? value : rounded(change.applied(to: value))
            }
        }
    }

    /// The mean of all values, rounded to the stored type: of tensors with a number for each expert.
    private func mean(_ scratch: ScratchBuffer) throws -> Float {
        var (sum, count) = (0.0, 0)
        for part in parts {
            let values = UnsafeMutableBufferPointer<Float>.allocate(
                capacity: part.view.elementCount)
            defer { values.deallocate() }
            guard let first = values.baseAddress, !values.isEmpty else { continue }
            try part.readFloats(0..<values.count, into: first, scratch: scratch)
            sum += values.reduce(0.0) { $0 + Double($1) }
            count += values.count
        }
        let mean = Float(sum / Double(max(count, 1)))
        return parts.first?.rounded(mean) ?? mean
    }

    /// BF16 is not among the formats that are copied: a signalling NaN has to become a quiet one.
    func holdsBytes(of format: Format, rowLength: Int) -> Bool {
        format != .BF16 && change == .none
            && parts.allSatisfy {
                !$0.isZero && $0.values.location != nil && $0.values.format == format
                    && $0.factors.isEmpty
                    && $0.view.keeps(runsOf: rowLength)
            }
    }

    func readBytes(
        _ elements: Range<Int>, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        try forEachPart(of: elements) { part, range, start in
            let width = part.values.format?.blockByteCount ?? 1
            try part.view.forEachRun(of: range) { stored, place in
                let first = (start + place) * width
                try part.values.readBytes(
                    stored,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: destination[first..<first + stored.count * width]))
            }
        }
    }

    /// Calls `body` with each part that has some of the elements, which of the part's elements
    /// they are, and where they go.
    private func forEachPart(
        of elements: Range<Int>, _ body: (Part, Range<Int>, _ start: Int) throws -> Void
    ) rethrows {
        var number = starts.partitioningIndex { $0 > elements.lowerBound } - 1
        var position = elements.lowerBound
        while position < elements.upperBound {
            let end = min(starts[number + 1], elements.upperBound)
            if end > position {
                try body(
                    parts[number], position - starts[number]..<end - starts[number],
                    position - elements.lowerBound)
            }
            position = end
            number += 1
        }
    }
}

extension ValueChange {
    /// The changed value, rounded once.
    func applied(to value: Float) -> Float {
        switch self {
        case .none, .ternary: value
        case .plus(let addend): value + addend
        case .negatedExponential: Float(-exp(Double(value)))
        // As PyTorch has it, which takes large values for their own.
        case .softplus: value > 20 ? value : Float(log1p(exp(Double(value))))
        case .exponential: Float(exp(Double(value)))
        // It takes all values to tell.
        case .centred: value
        }
    }
}

extension StoredParts.Part {
    /// A value as the stored type has it.
    func rounded(_ value: Float) -> Float {
        switch values.format {
        case .F16: HalfFloat.float(fromF16: HalfFloat.f16(from: value))
        case .BF16: HalfFloat.float(fromBF16: HalfFloat.bf16(from: value))
        default: value
        }
    }

    /// Reads elements of the view as F32.
    func readFloats(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        if isZero {
            destination.update(repeating: 0, count: elements.count)
            return
        }
        var staged = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
        defer { staged.deallocate() }
        try view.forEachPiece(of: elements) { piece in
            if piece.isCopy {
                try values.readFloats(
                    piece.stored, into: destination + piece.start, scratch: scratch)
                return
            }
            if staged.count < piece.stored.count {
                staged.deallocate()
                staged = .allocate(capacity: piece.stored.count)
            }
            guard let source = staged.baseAddress else { return }
            try values.readFloats(piece.stored, into: source, scratch: scratch)
            piece.forEach { destination[$1] = source[$0] }
        }
    }
}

extension Array where Element == Int {
    /// The first index whose element satisfies the predicate, in an array where it holds from some
    /// element on; the count when there is none.
    func partitioningIndex(where predicate: (Int) -> Bool) -> Int {
        var range = indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if predicate(self[middle]) {
                range = range.lowerBound..<middle
            } else {
                range = middle + 1..<range.upperBound
            }
        }
        return range.lowerBound
    }
}
