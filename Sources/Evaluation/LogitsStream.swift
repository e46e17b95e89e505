import Foundation
import TensorCore
import Zstandard

/// What a file of logits says of itself, as JSON in the file.
public struct LogitsHeader: Codable, Sendable, Hashable {
    /// The version of the form, 1.
    public var version = 1
    /// The base model's file, its last path component.
    public var model: String
    /// The SHA-256 of the vocabulary's tokens; `nil` when the model names none.
    public var vocabularySHA256: String?
    /// The number of tokens that have logits.
    public var vocabularyCount: Int
    /// The tokens of a full window.
    public var contextLength: Int
    /// The number of windows.
    public var windowCount: Int
    /// The number of rows, one for every scored token.
    public var rowCount: Int
    /// The tokens that windows start apart, where that is not their length.
    public var stride: Int?
    /// The program that wrote the file.
    public var tool: String
}

/// The parts of a file of logits in the order they stand in, as they come out of decompression.
struct LogitsStream {
    static let magic = Array("INGOTLGT".utf8)

    private let reader: ZstandardReader
    private let path: String

    init(reader: ZstandardReader, path: String) {
        self.reader = reader
        self.path = path
    }

    private func fault(_ found: String, _ expected: String) -> EvaluationError {
        EvaluationError(.invalidLogits(found: found, expected: expected), path: path)
    }

    private func bytes(_ count: Int, _ what: String) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let found = try bytes.withUnsafeMutableBytes { try reader.read(into: $0) }
        guard found == count else {
            throw fault("\(found) bytes of \(what)", "\(count): the file is incomplete")
        }
        return bytes
    }

    static func int32s(_ bytes: [UInt8]) -> [Int32] {
        bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map {
                Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self))
            }
        }
    }

    /// The magic number and the JSON header.
    func header() throws -> LogitsHeader {
        let magic = try bytes(8, "the beginning")
        guard magic == LogitsStream.magic else {
            throw fault("another beginning", "\"INGOTLGT\", a file of logits")
        }
        let count = Int(LogitsStream.int32s(try bytes(4, "the header's length"))[0])
        guard (2...1 << 16).contains(count) else {
            throw fault("a header of \(count) bytes", "2 to 65536")
        }
        let json = try bytes(count, "the header")
        guard let header = try? JSONDecoder().decode(LogitsHeader.self, from: Data(json)) else {
            throw fault("a header that cannot be read", "JSON with the keys of the form")
        }
        guard header.version == 1 else { throw fault("version \(header.version)", "1") }
        let sizes = [header.vocabularyCount, header.contextLength, header.windowCount]
        guard sizes.allSatisfy({ (1...Int(Int32.max)).contains($0) }), header.rowCount >= 1 else {
            throw fault("sizes \(sizes)", "numbers from 1 to \(Int32.max)")
        }
        return header
    }

    /// The tokens of all windows, one window after the other.
    func windows(_ header: LogitsHeader) throws -> ([Int32], [EvaluationText.Span]) {
        var tokens: [Int32] = []
        var spans: [EvaluationText.Span] = []
        var rowCount = 0
        for _ in 0..<header.windowCount {
            let numbers = LogitsStream.int32s(try bytes(12, "a window")).map(Int.init)
            let (count, first, scored) = (numbers[0], numbers[1], numbers[2])
            guard (2...header.contextLength).contains(count), first >= 0, scored >= 1,
                first + scored < count
            else {
                throw fault(
                    "a window of \(count) tokens with \(scored) scored from \(first)",
                    "at most \(header.contextLength) tokens, scored inside")
            }
            guard tokens.count + count <= 1 << 28 else { throw fault("too many tokens", "fewer") }
            let more = LogitsStream.int32s(try bytes(4 * count, "a window's tokens"))
            spans.append(
                .init(
                    tokens: tokens.count..<tokens.count + count, scored: first..<first + scored))
            tokens += more
            rowCount += scored
        }
        guard rowCount == header.rowCount else {
            throw fault("\(rowCount) scored tokens", "\(header.rowCount) as the header says")
        }
        return (tokens, spans)
    }

    /// The end of the stream, where decompression compares its checksum.
    func end() throws {
        var more: UInt8 = 0
        let count = try withUnsafeMutableBytes(of: &more) { try reader.read(into: $0) }
        guard count == 0 else { throw fault("bytes after the last row", "none") }
    }

    /// A row: its head, then the high bytes of all codes, then the low bytes.
    func row(into rows: inout StoredLogits) throws {
        let count = rows.vocabularyCount
        let bytes = try bytes(16 + 2 * count, "a row")
        bytes.withUnsafeBytes { bytes in
            func float(_ index: Int) -> Float {
                Float(
                    bitPattern: UInt32(
                        littleEndian: bytes.loadUnaligned(
                            fromByteOffset: 4 * index, as: UInt32.self)))
            }
            rows.heads.append(
                .init(
                    minimum: float(0), step: float(1), negativeLogLikelihood: float(2),
                    top: Int32(bitPattern: float(3).bitPattern)))
            let (high, low) = (bytes[16..<16 + count], bytes[(16 + count)...])
            rows.codes.reserveCapacity(rows.codes.count + count)
            for (high, low) in zip(high, low) {
                rows.codes.append(UInt16(high) << 8 | UInt16(low))
            }
        }
    }
}
