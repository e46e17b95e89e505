import Quantization

/// Error feedback from block to block: placeholder.
enum BlockFeedback {
    static func encode(
        _ format: Format, _ rows: UnsafePointer<Float>, rowCount: Int, factor: FeedbackFactor,
        importance: UnsafePointer<Float>?, into destination: UnsafeMutableRawPointer
    ) {
        let n = factor.columnCount
        let size = format.blockElementCount
        guard let encode = format.encode, let decode = format.decode else { return }
        let work = UnsafeMutablePointer<Float>.allocate(capacity: rowCount * n)
        work.update(from: rows, count: rowCount * n)
        let part = UnsafeMutablePointer<Float>.allocate(capacity: rowCount * size)
        let decoded = UnsafeMutablePointer<Float>.allocate(capacity: rowCount * size)
        let bytes = UnsafeMutableRawPointer.allocate(
            byteCount: rowCount * format.blockByteCount, alignment: 64)
        defer {
            work.deallocate()
            part.deallocate()
            decoded.deallocate()
            bytes.deallocate()
        }
        let rowBytes = n / size * format.blockByteCount
        factor.values.withUnsafeBufferPointer { buffer in
            guard let u = buffer.baseAddress else { return }
            for first in stride(from: 0, to: n, by: size) {
                for row in 0..<rowCount {
                    (part + row * size).update(from: work + row * n + first, count: size)
                }
                encode(part, rowCount, size, importance.map { $0 + first }, bytes)
                decode(bytes, rowCount * size, decoded)
                for row in 0..<rowCount {
                    (destination + row * rowBytes + first / size * format.blockByteCount)
                        .copyMemory(
                            from: bytes + row * format.blockByteCount,
                            byteCount: format.blockByteCount)
                    let error = part + row * size
                    let line = work + row * n
                    for k in 0..<size { error[k] -= decoded[row * size + k] }
                    for k in 0..<size {
                        let uRow = u + (first + k) * n
                        let e = error[k] / uRow[first + k]
                        for j in k + 1..<max(k + 1, size) { error[j] -= e * uRow[first + j] }
                        let end = first + size
                        for j in end..<n { line[j] -= e * uRow[j] }
                    }
                }
            }
        }
    }
}
