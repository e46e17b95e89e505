import Conversion
import GGUF
import Pipeline
import Quantization
import TensorCore

/// Writes a source as it is described.
func write(_ source: some TensorSource, to path: String) throws {
    try PlanWriter.write(try Plan.asDescribed(source, outputPath: path))
}

/// The data of a tensor as a file would hold it, read `step` rows at a time.
func data(ofTensor index: Int, of source: some TensorSource, step: Int) throws -> [UInt8] {
    let tensor = source.tensors[index]
    let shape = tensor.shape
    let rowByteCount = tensor.format.byteCount(rowLength: shape.rowLength, rowCount: 1) ?? 0
    var result: [UInt8] = []
    let scratch = ScratchBuffer()
    for start in stride(from: 0, to: shape.rowCount, by: step) {
        let rows = start..<min(start + step, shape.rowCount)
        var bytes = [UInt8](repeating: 0xAA, count: rows.count * rowByteCount)
        try bytes.withUnsafeMutableBytes { buffer in
            if source.holdsBytes(ofTensor: index) {
                try source.readBytes(ofRows: rows, ofTensor: index, into: buffer)
                return
            }
            let floats = UnsafeMutablePointer<Float>.allocate(
                capacity: rows.count * shape.rowLength)
            defer { floats.deallocate() }
            try source.readRows(rows, ofTensor: index, into: floats, scratch: scratch)
            if let base = buffer.baseAddress {
                tensor.format.encode?(floats, rows.count, shape.rowLength, nil, base)
            }
        }
        result += bytes
    }
    return result
}
