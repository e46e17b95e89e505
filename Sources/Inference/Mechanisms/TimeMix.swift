import Architectures
import CKernels
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// RWKV's time mix: a matrix for every head, and parts of a token that are made of rows between its own
/// and the one before.
struct TimeMix: Mixer {
    private typealias Part = BlockDescription.TimeMix.Part

    private let mix: BlockDescription.TimeMix
    private let shift: TokenShift
    /// What makes each part, of a row of its own.
    private let receptance: LinearStack
    private let key: LinearStack
    private let value: LinearStack
    let output: LinearStack
    private let decay: LowRankStack
    private let gate: LinearStack?
    private let gateFactors: LowRankStack?
    private let rate: LowRankStack?
    private let valueShare: LowRankStack?
    private let association: Association
    /// Where each part is in a row of the workspace's `projected`, and the floats of such a row.
    private let places: [Part: Int]
    private let sharePlace: Int
    private let stride: Int

    init(
        _ recurrence: BlockDescription.Recurrence, _ mix: BlockDescription.TimeMix,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.mix = mix
        shift = try TokenShift(mix.shift, width: recurrence.output.outputs, &layout)
        receptance = try layout.stack([recurrence.input[0]])
        key = try layout.stack([recurrence.input[1]])
        value = try layout.stack([recurrence.input[2]])
        output = try layout.stack([recurrence.output])
        decay = try LowRankStack(mix.decay, &layout)
        switch mix.gate {
        case .silu(let matrix)?, .sigmoid(let matrix)?:
            (gate, gateFactors) = (try layout.stack([matrix]), nil)
        case .lowRank(let factors)?: (gate, gateFactors) = (nil, try .init(factors, &layout))
        case nil: (gate, gateFactors) = (nil, nil)
        }
        if case .delta(let delta) = mix.update {
            rate = try LowRankStack(delta.rate, &layout)
            valueShare = try delta.values.map { values throws(InferenceError) in
                try LowRankStack(values.share, &layout)
            }
        } else {
            (rate, valueShare) = (nil, nil)
        }
        association = try Association(mix, &layout)
        let keyWidth = mix.headCountKV * mix.headLength
        var places: [Part: Int] = [:]
        var place = 0
        for (part, count) in [
            (Part.receptance, mix.width), (.key, keyWidth), (.value, keyWidth),
            (.decay, mix.width), (.rate, rate == nil ? 0 : mix.width),
            (.gate, mix.gate == nil ? 0 : mix.width),
        ] {
            places[part] = place
            place += count
        }
        self.places = places
        sharePlace = place
        stride = place + (valueShare == nil ? 0 : keyWidth)
    }

    private var factors: [LowRankStack] {
        [decay, gateFactors, rate, valueShare].compactMap { $0 }
    }

    var stacks: [LinearStack] {
        [receptance, key, value, output] + [gate, shift.first].compactMap { $0 }
            + factors.flatMap(\.stacks)
    }

    var headMatrices: [HeadMatrices] { [shift.second].compactMap { $0 } }
    var otherMatrices: [String] { headMatrices.map(\.tensor) }

    private var width: Int { mix.width }
    private var stateCount: Int { shift.width + width * mix.headLength }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        shift.reserve(&room, for: load)
        let rank = factors.map(\.rank).max() ?? 0
        room.need([
            .projected: load.rowCount * stride, .mixed: load.rowCount * width,
            .latent: load.rowCount * rank, .state: stateCount + association.spareCount,
        ])
    }

    func prepare(
        _ state: inout BlockState, capacity: Int, _ types: CacheTypes
    ) throws(InferenceError) {
        state.recurrent = try RecurrentState(count: stateCount)
    }

    func stateByteCount(capacity: Int, _ types: CacheTypes) -> Int? {
        stateCount.multiplied(checkedBy: 2 * MemoryLayout<Float>.stride)
    }

    func mix(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        shift.prepare(normed, rows)
        project(normed, rows)
        for stretch in rows.stretches {
            exchangeValues(stretch, rows)
            let kept = rows.state(of: stretch)?.recurrent
            let state: UnsafeMutablePointer<Float>
            let count = width * mix.headLength
            if let kept {
                state = kept.next + shift.width
                state.update(from: kept.base + shift.width, count: count)
            } else {
                state = rows.workspace[.state]
                state.update(repeating: 0, count: count)
            }
            run(stretch, state, rows)
        }
        if rows.dropsRows {
            rows.gather(rows.workspace[.mixed], length: width, into: rows.workspace[.mixed])
        }
    }

    // MARK: Parts

    /// Makes all parts of all rows.
    private func project(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        let parts = rows.workspace[.projected]
        for part in mix.shift.parts {
            let (mixed, mixedStride) = shift.rows(for: part, normed, rows)
            let place = parts + (places[part] ?? 0)
            func apply(_ stack: LinearStack) {
                rows.linear.apply(
                    stack, to: mixed, rows: rows.rowCount, into: place,
                    strides: (mixedStride, stride))
            }
            func apply(
                _ factors: LowRankStack, _ function: LowRankStack.Function = .identity,
                into place: UnsafeMutablePointer<Float>
            ) {
                factors.apply(function, to: mixed, stride: mixedStride, into: place, stride, rows)
            }
            switch part {
            case .receptance: apply(receptance)
            case .key: apply(key)
            case .value:
                apply(value)
                if let valueShare { apply(valueShare, into: parts + sharePlace) }
            case .decay: apply(decay, .tanh, into: place)
            case .rate: if let rate { apply(rate, into: place) }
            case .gate:
                if let gate { apply(gate) }
                if let gateFactors { apply(gateFactors, .sigmoid, into: place) }
            }
        }
    }

    /// Keeps a stretch's values for other blocks, or mixes another block's into them.
    private func exchangeValues(_ stretch: StretchRows, _ rows: RowGroup) {
        let source = mix.valueSource ?? rows.block
        guard let shared = rows.sharedRows(of: stretch, block: source, width: width) else { return }
        for index in 0..<stretch.count {
            let row = rows.workspace[.projected] + (stretch.row + index) * stride
            let (values, first) = (row + (places[.value] ?? 0), shared + index * width)
            guard mix.valueSource != nil else {
                first.update(from: values, count: width)
                continue
            }
            for element in 0..<width {
                values[element] +=
                    (first[element] - values[element]) * sigmoid(row[sharePlace + element])
            }
        }
    }

    // MARK: State

    /// Takes a stretch's tokens through the state, up to what the output layer takes in.
    private func run(
        _ stretch: StretchRows, _ state: UnsafeMutablePointer<Float>, _ rows: RowGroup
    ) {
        let spare = rows.workspace[.state] + stateCount
        let length = mix.headLength
        let group = mix.headCount / mix.headCountKV
        for index in 0..<stretch.count {
            let row = rows.workspace[.projected] + (stretch.row + index) * stride
            let result = rows.workspace[.mixed] + (stretch.row + index) * width
            for head in 0..<mix.headCount {
                let (own, shared) = (head * length, head / group * length)
                association.run(
                    Association.Token(
                        receptance: row + (places[.receptance] ?? 0) + own,
                        key: row + (places[.key] ?? 0) + shared,
                        value: row + (places[.value] ?? 0) + shared,
                        decay: row + (places[.decay] ?? 0) + own,
                        rate: row + (places[.rate] ?? 0) + own,
                        state: state + own * length, spare: spare, result: result + own),
                    head: head, rows.weights)
            }
            applyGate(row + (places[.gate] ?? 0), result)
        }
    }

    private func applyGate(
        _ gates: UnsafeMutablePointer<Float>, _ result: UnsafeMutablePointer<Float>
    ) {
        switch mix.gate {
        case .silu?:
            ingot_silu(gates, nil, width)
            for element in 0..<width { result[element] *= gates[element] }
        case .sigmoid?: for element in 0..<width { result[element] *= sigmoid(gates[element]) }
        case .lowRank?: for element in 0..<width { result[element] *= gates[element] }
        case nil: break
        }
    }
}
