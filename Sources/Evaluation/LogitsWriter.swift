import Crypto
import Foundation
import GGUF
public import Inference
import TensorCore
import Zstandard

/// Writes the logits of a base model while they are made, for comparisons on another machine.
///
/// A logit is kept in 16 bits between the smallest and the largest of its row, so that it is off by
/// at most `(max − min) / 131070` (about 0.0003 for usual models); the divergence of a model from
/// its own file is below 1e-7. `−ln p` of the text's own token and the most probable
/// token are kept exactly, so the base's perplexity is exact. docs/logits-format.md describes the
/// file.
public final class LogitsWriter {
    private let writer: ZstandardWriter
    private let vocabularyCount: Int
    private var buffer: [Float] = []

    /// Starts a file for the windows of `text`.
    ///
    /// - Throws: `FileError` when it cannot be created; `ZstandardError`.
    public init(path: String, model: Model, text: EvaluationText, tool: String) throws {
        writer = try ZstandardWriter(file: OutputFile(path: path))
        vocabularyCount = model.vocabularyCount
        let stride: Int? =
            if case .sliding(let stride) = text.windowing { stride } else { nil }
        let header = LogitsHeader(
            model: model.path.split(separator: "/").last.map(String.init) ?? model.path,
            vocabularySHA256: LogitsWriter.vocabularyDigest(of: model),
            vocabularyCount: vocabularyCount, contextLength: text.contextLength,
            windowCount: text.windowCount, rowCount: text.scoredTokenCount, stride: stride,
            tool: tool)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = Array(try encoder.encode(header))
        try writer.write(LogitsStream.magic + LogitsWriter.bytes([Int32(json.count)]) + json)
        for index in 0..<text.windowCount {
            let window = text.window(index)
            let scored = text.scored(inWindow: index)
            try writer.write(
                LogitsWriter.bytes(
                    [Int32(window.count), Int32(scored.lowerBound), Int32(scored.count)] + window))
        }
    }

    /// The SHA-256 of a model's tokens, each with its length in front; `nil` when it names none.
    static func vocabularyDigest(of model: Model) -> String? {
        guard case .strings(let tokens)? = model.source.metadata["tokenizer.ggml.tokens"] else {
            return nil
        }
        var hash = SHA256()
        for token in tokens {
            hash.update(data: bytes([Int32(truncatingIfNeeded: token.bytes.count)]))
            hash.update(data: token.bytes)
        }
        return hash.finalize().map { String(format: "%02x", $0) }.joined()
    }

    private static func bytes(_ values: [Int32]) -> [UInt8] {
        values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    }

    /// Room for whole rows of logits, filled from several threads.
    ///
    /// `@unchecked Sendable`: each row is given to one thread at a time.
    final class Rows: @unchecked Sendable {
        let base: UnsafeMutablePointer<Float>
        let rowCount: Int
        let vocabularyCount: Int

        init(rowCount: Int, vocabularyCount: Int) {
            self.rowCount = rowCount
            self.vocabularyCount = vocabularyCount
            base = .allocate(capacity: rowCount * vocabularyCount)
        }

        deinit { base.deallocate() }

        /// Takes the base's part of a tile.
        func add(_ tile: LogitsTile) {
            for row in tile.rows {
                let logits = tile.logits(row: row, model: 0)
                guard let start = logits.baseAddress else { continue }
                (base + row * vocabularyCount + tile.tokens.lowerBound)
                    .update(from: start, count: logits.count)
            }
        }
    }

    /// Room for the rows of a batch.
    func rows(_ count: Int) -> Rows { Rows(rowCount: count, vocabularyCount: vocabularyCount) }

    /// Compresses the rows of a batch, which are complete.
    func write(_ rows: Rows, targets: [Int32], pool: WorkerPool) throws {
        let byteCount = 16 + 2 * vocabularyCount
        // A few rows at a time: their bytes need not be there all at once.
        let step = max(1, pool.threadCount * 16)
        let room = Bytes(count: step * byteCount)
        for first in stride(from: 0, to: rows.rowCount, by: step) {
            let count = min(step, rows.rowCount - first)
            try pool.run(jobCount: count) { _, job in
                LogitsWriter.encode(
                    rows, row: first + job, target: Int(targets[first + job]),
                    into: room.base + job * byteCount)
            }
            try writer.write(UnsafeRawBufferPointer(start: room.base, count: count * byteCount))
        }
    }

    /// Memory that jobs share, each its own part.
    private final class Bytes: @unchecked Sendable {
        let base: UnsafeMutableRawPointer
        init(count: Int) { base = .allocate(byteCount: count, alignment: 64) }
        deinit { base.deallocate() }
    }

    private static func encode(
        _ rows: Rows, row: Int, target: Int, into bytes: UnsafeMutableRawPointer
    ) {
        let count = rows.vocabularyCount
        let logits = UnsafeBufferPointer(start: rows.base + row * count, count: count)
        var sum = LogitsSum()
        sum.add(logits, first: 0)
        var minimum = Float.infinity
        for value in logits { minimum = min(minimum, value) }
        let total = Double(sum.maximum) + Foundation.log(sum.sum)
        let range = (sum.maximum - minimum) / 65535
        let step = range.isFinite && range >= .leastNormalMagnitude ? range : 0
        let head = [
            minimum.bitPattern, step.bitPattern,
            Float(total - Double(logits[target])).bitPattern, UInt32(sum.top),
        ]
        for (index, value) in head.enumerated() {
            bytes.storeBytes(of: value.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
        }
        let high = (bytes + 16).assumingMemoryBound(to: UInt8.self)
        let low = high + count
        for index in 0..<count {
            let code = step > 0 ? UInt32(min(65535, (logits[index] - minimum) / step + 0.5)) : 0
            high[index] = UInt8(truncatingIfNeeded: code >> 8)
            low[index] = UInt8(truncatingIfNeeded: code)
        }
    }

    /// Ends the file and gives it its name.
    ///
    /// - Returns: Its length in bytes.
    @discardableResult
    func commit() throws -> Int { try writer.commit() }
}
