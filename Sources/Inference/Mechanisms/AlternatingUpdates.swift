import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The rows of a token beside the one that a block works on (AltUp): predicted before the block,
/// corrected after it.
struct AlternatingUpdates: Sendable {
    /// The least mean square that a row is taken to have when it is brought to another's size.
    private static let leastPower: Float = 1e-5

    let count: Int
    private let active: Int
    private let width: Int
    private let norm: Norm?
    private let router: LinearStack
    private let prediction: LinearStack
    private let correction: LinearStack
    private let inputScale: Int
    /// Makes all rows but the first, in the first block.
    private let expansion: HeadMatrices?
    /// What all rows but the first go through, in the last block.
    private let merging: HeadMatrices?

    init?(
        _ description: BlockDescription.AlternatingUpdates?, width: Int,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        guard let description else { return nil }
        (count, active, self.width) = (description.count, description.active, width)
        norm = try layout.norm(description.norm, count: width)
        router = try layout.stack([description.router])
        prediction = try layout.stack([description.prediction])
        correction = try layout.stack([description.correction])
        inputScale = try layout.tensor(description.inputScale, shape: [width])
        func matrices(_ name: String?) throws(InferenceError) -> HeadMatrices? {
            guard let name else { return nil }
            return try layout.headMatrices(
                name, headCount: description.count - 1, outputs: width, inputs: width,
                isDecoded: false)
        }
        expansion = try matrices(description.expansion)
        merging = try matrices(description.merging)
    }

    var stacks: [LinearStack] { [router, prediction, correction] }
    var headMatrices: [HeadMatrices] { [expansion, merging].compactMap { $0 } }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        let perRow = max(count + count * count, merging == nil ? 0 : (count - 1) * width)
        room.need([
            .normed: load.rowCount * width, .projected: load.rowCount * perRow,
            .branch: load.rowCount * width, .state: count * width,
        ])
    }

    /// The floats of a token's rows.
    private var stride: Int { count * width }

    /// Predicts all rows, and leaves the active one as the residual row.
    func begin(_ rows: RowGroup) {
        guard let streams = rows.alternates else { return }
        if expansion != nil { expand(streams, rows) }
        let coefficients = coefficients(
            prediction, of: streams + active * width, stride: stride, count: rows.rowCount, rows)
        let before = rows.workspace[.state]
        for row in 0..<rows.rowCount {
            let own = streams + row * stride
            before.update(from: own, count: stride)
            for target in 0..<count {
                for source in 0..<count {
                    let factor = coefficients[(row * count + target) * count + source]
                    ingot_add_scaled(own + target * width, before + source * width, factor, width)
                }
            }
            (rows.residual + row * width).update(from: own + active * width, count: width)
        }
    }

    /// Corrects all wanted rows by what the block made of the active one, which is left as the residual
    /// row; the mean of all behind the last block.
    ///
    /// - Parameter layerRows: The tokens' rows for this block; `nil` without.
    func finish(
        _ layerInput: LayerInput?, _ layerRows: UnsafePointer<Float>?, stride layerStride: Int,
        _ rows: RowGroup
    ) {
        guard let streams = rows.alternates else { return }
        if rows.dropsRows { rows.gather(streams, length: stride, into: streams) }
        correct(streams, rows)
        if let layerInput, let layerRows {
            let input = rows.workspace[.normed]
            for row in 0..<rows.wantedCount {
                for index in row * width..<(row + 1) * width {
                    input[index] = rows.residual[index] * rows.weights[inputScale + index % width]
                }
            }
            let changes = layerInput.changes(of: input, layerRows, stride: layerStride, rows)
            for row in 0..<rows.wantedCount {
                for stream in 1..<count {
                    ingot_add(
                        streams + row * stride + stream * width, changes + row * width, width)
                }
            }
        }
        if merging != nil { return merge(streams, rows) }
        copyActive(streams, rows)
    }

    private func copyActive(_ streams: UnsafePointer<Float>, _ rows: RowGroup) {
        for row in 0..<rows.wantedCount {
            (rows.residual + row * width).update(
                from: streams + row * stride + active * width, count: width)
        }
    }

    private func correct(_ streams: UnsafeMutablePointer<Float>, _ rows: RowGroup) {
        let coefficients = coefficients(
            correction, of: rows.residual, stride: width, count: rows.wantedCount, rows)
        let change = rows.workspace[.state]
        for row in 0..<rows.wantedCount {
            let own = streams + row * stride
            change.update(from: rows.residual + row * width, count: width)
            ingot_add_scaled(change, own + active * width, -1, width)
            for stream in 0..<count {
                ingot_add_scaled(
                    own + stream * width, change, 1 + coefficients[row * count + stream], width)
            }
        }
        copyActive(streams, rows)
    }

    /// What a matrix makes of the modalities of rows.
    private func coefficients(
        _ matrix: LinearStack, of input: UnsafePointer<Float>, stride: Int, count rowCount: Int,
        _ rows: RowGroup
    ) -> UnsafePointer<Float> {
        let (normed, modalities) = (rows.workspace[.normed], rows.workspace[.projected])
        for row in 0..<rowCount {
            norm?.apply(rows.weights, input + row * stride, into: normed + row * width)
        }
        ingot_scale(normed, 1 / Float(width), rowCount * width)
        rows.linear.apply(
            router, to: normed, rows: rowCount, into: modalities, strides: (width, count))
        for index in 0..<rowCount * count { modalities[index] = tanh(modalities[index]) }
        let result = modalities + rowCount * count
        rows.linear.apply(
            matrix, to: modalities, rows: rowCount, into: result, strides: (count, matrix.outputs))
        return UnsafePointer(result)
    }

    // MARK: First and last block

    /// Makes all rows of the residual one.
    private func expand(_ streams: UnsafeMutablePointer<Float>, _ rows: RowGroup) {
        let all = HeadMatrices.Rows(
            input: rows.residual, result: streams + width, count: rows.rowCount,
            inputStrides: (width, 0), resultStrides: (stride, width))
        expansion?.tell(rows.observer, all, place: rows.group.row)
        expansion?.apply(all, rows.weights, rows.workspace.products)
        for row in 0..<rows.rowCount {
            let own = streams + row * stride
            own.update(from: rows.residual + row * width, count: width)
            for stream in 1..<count { resize(own + stream * width, like: own) }
        }
    }

    /// Leaves the mean of all rows as the residual row.
    private func merge(_ streams: UnsafeMutablePointer<Float>, _ rows: RowGroup) {
        let made = rows.workspace[.projected]
        let perRow = (count - 1) * width
        let all = HeadMatrices.Rows(
            input: streams + width, result: made, count: rows.wantedCount,
            inputStrides: (stride, width), resultStrides: (perRow, width))
        merging?.tell(rows.observer, all, place: rows.group.row)
        merging?.apply(all, rows.weights, rows.workspace.products)
        for row in 0..<rows.wantedCount {
            let (first, output) = (streams + row * stride, rows.residual + row * width)
            output.update(from: first, count: width)
            for stream in 0..<count - 1 {
                let other = made + row * perRow + stream * width
                resize(other, like: first)
                ingot_add(output, other, width)
            }
            ingot_scale(output, 1 / Float(count), width)
        }
    }

    private func resize(_ row: UnsafeMutablePointer<Float>, like other: UnsafePointer<Float>) {
        func power(_ values: UnsafePointer<Float>) -> Float {
            var sum: Double = 0
            for index in 0..<width { sum += Double(values[index]) * Double(values[index]) }
            return Float(sum / Double(width))
        }
        let least = max(power(row), AlternatingUpdates.leastPower)
        ingot_scale(row, power(other).squareRoot() / least.squareRoot(), width)
    }
}
