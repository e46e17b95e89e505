import Architectures
import CKernels
import TensorCore

/// RWKV's network, whose input is mixed with the normed row of the token before.
struct ChannelMix: Sendable {
    private let norm: Norm?
    private let width: Int
    private let keyFactors: Int
    private let key: LinearStack
    private let output: LinearStack
    /// What multiplies the output, and the place of its factors.
    private let receptance: (matrix: LinearStack, factors: Int)?

    init(
        _ description: BlockDescription.ChannelMix, norm: Norm?, width: Int,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.norm = norm
        self.width = width
        keyFactors = try layout.tensor(description.keyFactors, shape: [width])
        key = try layout.stack([description.key])
        output = try layout.stack([description.output])
        if let receptance = description.receptance {
            self.receptance = (
                try layout.stack([receptance.matrix]),
                try layout.tensor(receptance.factors, shape: [width])
            )
        } else {
            receptance = nil
        }
    }

    var stacks: [LinearStack] { [key, output] + (receptance.map { [$0.matrix] } ?? []) }
    var stateByteCount: Int? { width.multiplied(checkedBy: 2 * MemoryLayout<Float>.stride) }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([
            .projected: load.rowCount * key.outputs, .branch: load.rowCount * width,
            .shared: load.rowCount * width, .latent: load.rowCount * width,
        ])
    }

    func prepare(_ state: inout BlockState) throws(InferenceError) {
        state.networkRow = try RecurrentState(count: width)
    }

    /// Adds what the network makes of the wanted rows to the residual stream, of which all rows are
    /// there; the wanted ones are moved together.
    func apply(_ rows: RowGroup) {
        let normed = rows.workspace[.normed]
        rows.normalise(norm, rows: rows.rowCount, into: normed)
        let (keyRows, gateRows) = (rows.workspace[.branch], rows.workspace[.shared])
        for stretch in rows.stretches {
            let kept = rows.state(of: stretch)?.networkRow
            let own = normed + stretch.row * width
            for index in 0..<stretch.wanted.count {
                let token = stretch.wanted.lowerBound + index
                let before =
                    token == 0 ? kept?.base : UnsafePointer(own + (token - 1) * width)
                let place = (stretch.wantedRow + index) * width
                mix(
                    own + token * width, before, rows.weights + keyFactors, into: keyRows + place)
                if let receptance {
                    mix(
                        own + token * width, before, rows.weights + receptance.factors,
                        into: gateRows + place)
                }
            }
            kept?.next.update(from: own + (stretch.count - 1) * width, count: width)
        }
        if rows.dropsRows { rows.gather(rows.residual, length: width, into: rows.residual) }
        addNetwork(keyRows, gateRows, rows)
    }

    private func addNetwork(
        _ keyRows: UnsafePointer<Float>, _ gateRows: UnsafePointer<Float>, _ rows: RowGroup
    ) {
        let (count, hidden) = (rows.wantedCount, rows.workspace[.projected])
        rows.linear.apply(
            key, to: keyRows, rows: count, into: hidden, strides: (width, key.outputs))
        ingot_relu_squared(hidden, nil, count * key.outputs)
        guard let receptance else {
            return rows.add(output, of: hidden, stride: key.outputs, norm: nil)
        }
        let (gates, result) = (rows.workspace[.latent], rows.workspace[.branch])
        rows.linear.apply(
            receptance.matrix, to: gateRows, rows: count, into: gates, strides: (width, width))
        rows.linear.apply(
            output, to: hidden, rows: count, into: result, strides: (key.outputs, width))
        for index in 0..<count * width { result[index] *= sigmoid(gates[index]) }
        ingot_add_scaled(rows.residual, result, rows.residualScale, count * width)
    }

    /// A row between a token's and that before, of which there is none in front of a text.
    private func mix(
        _ row: UnsafePointer<Float>, _ before: UnsafePointer<Float>?,
        _ factors: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<width {
            let difference = (before.map { $0[index] } ?? 0) - row[index]
            result[index] = row[index] + difference * factors[index]
        }
    }
}
