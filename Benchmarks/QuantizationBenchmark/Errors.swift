// What every format loses on rows of known distributions and on a model's own.
import GGUF
import Quantization
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Matrices of one kind, with weights for their columns where there are any.
private struct Sample {
    /// Rows of one matrix.
    struct Matrix {
        let rowLength: Int
        let rows: [Float]
        let importance: [Float]?
    }

    let name: String
    let matrices: [Matrix]

    /// Rows drawn from a distribution, with weights like mean squared activations: most columns
    /// matter little, a few a lot.
    init(_ name: String, _ draw: (_ uniform: () -> Double) -> Double) {
        var state: UInt64 = 42
        func uniform() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (Double(state >> 12) + 0.5) * 0x1p-52
        }
        let (rowCount, rowLength) = (256, 1024)
        self.name = name
        matrices = [
            Matrix(
                rowLength: rowLength,
                rows: (0..<rowCount * rowLength).map { _ in Float(0.02 * draw(uniform)) },
                importance: (0..<rowLength).map { _ in Float(pow(-log(uniform()), 2) + 0.01) })
        ]
    }

    /// Sixteen rows of every matrix of a model, without columns that are zero throughout (a padded
    /// model's) and cut to whole super-blocks.
    init(model path: String, importance: String?) throws {
        let file = try GGUFFile(path: path)
        let weights = try importance.map { try ImportanceMatrix(path: $0) }
        let scratch = ScratchBuffer()
        name = "model"
        matrices = try file.tensors.enumerated().compactMap { index, tensor in
            let rowLength = tensor.shape.rowLength
            guard tensor.shape.rank == 2, tensor.format.decode != nil else { return nil }
            let count = min(16, tensor.shape.rowCount)
            var rows = [Float](repeating: 0, count: count * rowLength)
            for row in 0..<count {
                let place = row * (tensor.shape.rowCount / count)
                try rows.withUnsafeMutableBufferPointer { rows in
                    guard let base = rows.baseAddress else { return }
                    try file.readRows(
                        place..<place + 1, ofTensor: index, into: base + row * rowLength,
                        scratch: scratch)
                }
            }
            let importance = weights?[tensor.name]?.values
            var columns = (0..<rowLength).filter { column in
                (0..<count).contains { rows[$0 * rowLength + column] != 0 }
            }
            columns.removeLast(columns.count % 256)
            guard !columns.isEmpty else { return nil }
            return Matrix(
                rowLength: columns.count,
                rows: (0..<count).flatMap { row in columns.map { rows[row * rowLength + $0] } },
                importance: importance.map { values in columns.map { values[$0] } })
        }
    }

    /// The mean over the matrices of the relative error, in percent; `nil` when none has weights
    /// although they are wanted.
    ///
    /// - Parameters:
    ///   - fitsWeights: Whether the weights enter the fit.
    ///   - measuresWeights: Whether the weights enter the error.
    func error(of format: Format, fitsWeights: Bool, measuresWeights: Bool) -> Double? {
        let errors = matrices.compactMap { matrix -> Double? in
            if fitsWeights || measuresWeights, matrix.importance == nil { return nil }
            let equal = [Float](repeating: 1, count: matrix.rowLength)
            let decoded = format.roundTrip(
                matrix.rows, rowLength: matrix.rowLength,
                importance: fitsWeights
                    ? matrix.importance : format.importance == .required ? equal : nil)
            var (difference, power) = (0.0, 0.0)
            for (index, value) in matrix.rows.enumerated() {
                let weight =
                    measuresWeights
                    ? Double(matrix.importance?[index % matrix.rowLength] ?? 1) : 1
                let d = Double(value) - Double(decoded[index])
                difference += weight * d * d
                power += weight * Double(value) * Double(value)
            }
            return power > 0 ? (difference / power).squareRoot() * 100 : nil
        }
        return errors.isEmpty ? nil : errors.reduce(0, +) / Double(errors.count)
    }
}

extension Format {
    /// What rows are after they have been encoded and decoded.
    fileprivate func roundTrip(
        _ rows: [Float], rowLength: Int, importance: [Float]?
    ) -> [Float] {
        var decoded = [Float](repeating: 0, count: rows.count)
        let rowCount = rows.count / rowLength
        guard let encode, let decode,
            let byteCount = byteCount(rowLength: rowLength, rowCount: rowCount)
        else { return decoded }
        let blocks = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        defer { blocks.deallocate() }
        rows.withUnsafeBufferPointer { rows in
            (importance ?? []).withUnsafeBufferPointer { weights in
                guard let base = rows.baseAddress else { return }
                encode(
                    base, rowCount, rowLength, importance == nil ? nil : weights.baseAddress, blocks
                )
            }
        }
        decoded.withUnsafeMutableBufferPointer { decoded in
            if let base = decoded.baseAddress { decode(blocks, rows.count, base) }
        }
        return decoded
    }
}

/// The table of errors.
enum Errors {
    /// Prints it, most bits first.
    static func printTable(model: String?, importance: String?) throws {
        var samples = [
            Sample("Gaussian") { uniform in
                (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform())
            },
            Sample("Laplacian") { uniform in
                let size = -log(uniform())
                return uniform() < 0.5 ? -size : size
            },
        ]
        if let model { samples.append(try Sample(model: model, importance: importance)) }
        var heads = samples.map(\.name)
        heads += samples.map { "\($0.name), weighted: fit without → with" }
        print("| format | bits/weight | \(heads.joined(separator: " | ")) |")
        print("|---|---|" + String(repeating: "---|", count: heads.count))
        for format in Format.all.sorted(by: { $0.bitsPerWeight > $1.bitsPerWeight })
        where format.encode != nil && format.decode != nil {
            let plain = samples.map {
                text($0.error(of: format, fitsWeights: false, measuresWeights: false))
            }
            let weighted = samples.map { sample in
                text(sample.error(of: format, fitsWeights: false, measuresWeights: true)) + " → "
                    + text(sample.error(of: format, fitsWeights: true, measuresWeights: true))
            }
            let mark = format.importance == .required ? "*" : ""
            let cells = [format.name + mark, bits(format)] + plain + weighted
            print("| \(cells.joined(separator: " | ")) |")
        }
    }

    private static func bits(_ format: Format) -> String {
        fixed(format.bitsPerWeight, digits: 4).replacing(/\.?0+$/, with: "")
    }

    /// A percentage with three significant digits.
    private static func text(_ percent: Double?) -> String {
        guard let percent else { return "–" }
        guard percent > 0 else { return "0" }
        return fixed(percent, digits: max(0, 2 - Int(log10(percent).rounded(.down))))
    }

    private static func fixed(_ value: Double, digits: Int) -> String {
        let unit = pow(10, Double(digits))
        let scaled = Int((value * unit).rounded())
        guard digits > 0 else { return "\(scaled)" }
        let fraction = "\(scaled % Int(unit))"
        return "\(scaled / Int(unit))."
            + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}
