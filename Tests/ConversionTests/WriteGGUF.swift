import Conversion
import GGUF
import Quantization
import TensorCore

/// Writes a source as it is, every tensor in chunks of `chunkByteCount` bytes at most.
func write(_ source: some TensorSource, to path: String, chunkByteCount: Int = 1 << 20) throws {
    let layout = try GGUFLayout(metadata: source.metadata, tensors: source.tensors, path: path)
    let output = try OutputFile(path: path, byteCount: layout.byteCount)
    try output.write(layout.header, at: 0)
    let scratch = ScratchBuffer()
    for (index, tensor) in source.tensors.enumerated() {
        let rowCount = tensor.shape.rowCount
        guard rowCount > 0 else { continue }
        let rowByteCount = layout.byteCounts[index] / rowCount
        let step = max(1, chunkByteCount / max(1, rowByteCount))
        for start in stride(from: 0, to: rowCount, by: step) {
            let rows = start..<min(start + step, rowCount)
            let bytes = scratch.bytes(rows.count * rowByteCount)
            try source.readBytes(ofRows: rows, ofTensor: index, into: bytes)
            try output.write(
                UnsafeRawBufferPointer(bytes), at: layout.offsets[index] + start * rowByteCount)
        }
    }
    try output.commit(byteCount: layout.byteCount)
}
