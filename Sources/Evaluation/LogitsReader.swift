import Foundation
import TensorCore
import Zstandard

/// The logits of a base model on a text, from a file: in place of the model itself, on a machine
/// that does not have it.
///
/// Two forms are read: the one that `LogitsWriter` writes, and that of `llama-perplexity
/// --kl-divergence-base` (docs/logits-format.md describes both). Rows come in the order of the
/// windows; no more of them are in memory than are asked for.
public final class LogitsReader {
    /// The file.
    public let path: String
    /// The number of tokens that have logits.
    public let vocabularyCount: Int
    /// The windows that the logits belong to.
    public let text: EvaluationText
    /// What the file says of its model; `nil` in llama.cpp's form.
    public let header: LogitsHeader?

    private enum Form {
        case compressed(ZstandardReader)
        /// Uncompressed, rows from this offset on.
        case plain(InputFile, start: Int)
    }
    private let form: Form
    /// The windows that the file has, whatever part of them is used.
    private var windowCount: Int { text.windowCount }
    private var rowsRead = 0
    private var windowsRead = 0

    /// Opens a file of logits.
    ///
    /// - Parameter bos: The token that llama.cpp puts in the first place of every window, where the
    ///   tokenizer adds one: its form keeps the text's own token there.
    /// - Throws: `EvaluationError` when the file is neither form, or incomplete; `ZstandardError`,
    ///   `FileError`.
    public convenience init(path: String, bos: Int32?) throws {
        let file = try InputFile(path: path)
        if try ZstandardReader.isCompressed(file) {
            try self.init(compressed: file)
        } else {
            try self.init(plain: file, bos: bos)
        }
    }

    private init(compressed file: InputFile) throws {
        let reader = try ZstandardReader(file: file)
        let stream = LogitsStream(reader: reader, path: file.path)
        let header = try stream.header()
        let (tokens, spans) = try stream.windows(header)
        self.header = header
        path = file.path
        vocabularyCount = header.vocabularyCount
        text = EvaluationText(
            tokens: tokens, bos: nil, contextLength: header.contextLength,
            windowing: header.stride.map { .sliding(stride: $0) } ?? .halves, spans: spans)
        form = .compressed(reader)
    }

    private init(plain file: InputFile, bos: Int32?) throws {
        func fault(_ found: String, _ expected: String) -> EvaluationError {
            EvaluationError(.invalidLogits(found: found, expected: expected), path: file.path)
        }
        let start = try file.read(at: 0, count: min(20, file.byteCount))
        guard start.count == 20, start.prefix(8).elementsEqual("_logits_".utf8) else {
            throw fault(
                "another beginning", "\"_logits_\" or a Zstandard file of logits")
        }
        func number(_ index: Int) -> Int {
            Int(start.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index, as: Int32.self) })
        }
        let (length, vocabulary, windows) = (number(8), number(12), number(16))
        guard length >= 4, vocabulary >= 1, windows >= 1 else {
            throw fault(
                "\(windows) windows of \(length) tokens, a vocabulary of \(vocabulary)",
                "at least one window of at least 4")
        }
        let spans = Windowing.halves
        guard let tokenCount = length.multiplied(checkedBy: windows),
            let tokenBytes = tokenCount.multiplied(checkedBy: 4),
            let rowCount = windows.multiplied(checkedBy: length - 1 - length / 2),
            let rowBytes = LogitsReader.plainRowByteCount(vocabulary).multiplied(
                checkedBy: rowCount),
            let end = tokenBytes.adding(checked: rowBytes)?.adding(checked: 20)
        else { throw fault("sizes beyond any file", "fewer windows or tokens") }
        guard file.byteCount == end else {
            throw EvaluationError(
                .wrongLength(found: file.byteCount, expected: end), path: file.path)
        }
        let bytes = try file.read(at: 20, count: tokenBytes)
        path = file.path
        vocabularyCount = vocabulary
        header = nil
        text = EvaluationText(
            tokens: LogitsStream.int32s(bytes), bos: bos, contextLength: length,
            windowing: .halves,
            spans: spans.spans(tokenCount: tokenCount, contextLength: length))
        form = .plain(file, start: 20 + tokenBytes)
    }

    /// The bytes of a row in llama.cpp's form: two floats, then two bytes a token, an even number
    /// of tokens.
    private static func plainRowByteCount(_ vocabularyCount: Int) -> Int {
        8 + 2 * ((vocabularyCount + 1) / 2 * 2)
    }

    /// The rows of the windows that come next.
    ///
    /// - Throws: `EvaluationError` when a row has impossible numbers; `ZstandardError`, `FileError`.
    func rows(ofWindows windows: Range<Int>) throws -> StoredLogits {
        precondition(windows.lowerBound == windowsRead, "windows out of order")
        var rows: StoredLogits
        switch form {
        case .compressed(let reader):
            rows = StoredLogits(vocabularyCount: vocabularyCount, floor: nil)
            let stream = LogitsStream(reader: reader, path: path)
            for window in windows {
                for _ in text.scored(inWindow: window) { try stream.row(into: &rows) }
            }
            if windows.upperBound == windowCount { try stream.end() }
        case .plain(let file, let start):
            // llama.cpp does not keep what is less probable than e^-16 of the top token, and
            // leaves out what is less probable than e^-16.
            rows = StoredLogits(vocabularyCount: vocabularyCount, floor: -16)
            for window in windows {
                let tokens = text.window(window)
                for position in text.scored(inWindow: window) {
                    try plainRow(file, start, target: tokens[position + 1], into: &rows)
                }
            }
        }
        windowsRead = windows.upperBound
        for (index, head) in rows.heads.enumerated()
        where
            !(head.minimum.isFinite && head.step.isFinite && head.step >= 0
            && head.negativeLogLikelihood.isFinite && head.minimum > -1e6 && head.step < 1e4
            && head.minimum < 1e4
            && (0..<vocabularyCount).contains(Int(head.top)))
        {
            throw EvaluationError(
                .invalidLogits(
                    found: "a row of logits from \(head.minimum) in steps of"
                        + " \(head.step)", expected: "finite ones"), path: path,
                place: "window \(windows.lowerBound), row \(index)")
        }
        return rows
    }

    private func plainRow(
        _ file: InputFile, _ start: Int, target: Int32, into rows: inout StoredLogits
    ) throws {
        let byteCount = LogitsReader.plainRowByteCount(vocabularyCount)
        let bytes = try file.read(at: start + rowsRead * byteCount, count: byteCount)
        rowsRead += 1
        guard (0..<vocabularyCount).contains(Int(target)) else {
            throw EvaluationError(
                .invalidLogits(
                    found: "token \(target)", expected: "0 to \(vocabularyCount - 1)"), path: path)
        }
        bytes.withUnsafeBytes { bytes in
            let step = bytes.loadUnaligned(as: Float.self)
            let minimum = bytes.loadUnaligned(fromByteOffset: 4, as: Float.self)
            var top = 0
            var most = -1
            let first = rows.codes.count
            rows.codes.reserveCapacity(first + vocabularyCount)
            for token in 0..<vocabularyCount {
                let code = UInt16(
                    littleEndian: bytes.loadUnaligned(
                        fromByteOffset: 8 + 2 * token, as: UInt16.self))
                rows.codes.append(code)
                if Int(code) > most { (top, most) = (token, Int(code)) }
            }
            let code = Float(rows.codes[first + Int(target)])
            rows.heads.append(
                .init(
                    minimum: minimum, step: step, negativeLogLikelihood: -(step * code + minimum),
                    top: Int32(top)))
        }
    }
}
