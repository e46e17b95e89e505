import CCalibrationMix
import Crypto
import TensorCore
import Zstandard

/// The texts that are calibrated on where the user gives none: prose, code, conversations and many
/// languages, freely licensed and kept compressed in the program.
///
/// `Sources/CCalibrationMix/NOTE.md` names their sources and terms.
public enum CalibrationMix {
    /// What reports and files call the texts.
    public static let name = "built-in-mix-1"

    /// The documents in their fixed order, those to calibrate on before those held out.
    ///
    /// - Throws: `ZstandardError`, `JSONError` or `CalibrationTextError` where the texts in the
    ///   program are damaged.
    /// - Complexity: O(bytes), about half a megabyte.
    public static func documents() throws -> [CalibrationDocument] {
        try documents(of: lines())
    }

    /// The SHA-256 digest of the uncompressed texts, 64 hexadecimal digits.
    ///
    /// - Throws: `ZstandardError` where the texts in the program are damaged.
    public static func sha256() throws -> String { TextDigest.sha256(of: try lines()) }

    /// A document's line each, a JSON object.
    private static func lines() throws -> [UInt8] {
        var rest = UnsafeRawBufferPointer(
            start: ingot_calibration_mix(), count: ingot_calibration_mix_size())
        let reader = try ZstandardReader(path: name) { buffer in
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(buffer.count))
            buffer.copyMemory(from: piece)
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            return piece.count
        }
        var lines: [UInt8] = []
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { piece.deallocate() }
        while true {
            let count = try reader.read(into: piece)
            lines.append(contentsOf: piece[..<count])
            if count < piece.count { return lines }
        }
    }

    static func documents(of lines: [UInt8]) throws -> [CalibrationDocument] {
        try lines.split(separator: UInt8(ascii: "\n")).enumerated().map { number, line in
            let object = try JSON.parse(Array(line), file: name)
            guard let document = CalibrationDocument(object) else {
                throw CalibrationTextError(
                    .damagedMix(line: number + 1), path: name)
            }
            return document
        }
    }
}

extension CalibrationDocument {
    /// A document as the mix has it.
    fileprivate init?(_ object: JSON) {
        guard let name = object["name"]?.text,
            let kind = object["kind"]?.text.flatMap(Kind.init),
            let language = object["language"]?.text,
            let use = object["use"]?.text.flatMap(Use.init)
        else { return nil }
        let content: Content
        if let text = object["text"]?.bytes {
            content = .text(text.bytes)
        } else if let messages = object["messages"]?.array {
            content = .conversation(
                Conversation(messages: messages, tools: object["tools"]?.array ?? []))
        } else {
            return nil
        }
        self.init(name: name, kind: kind, language: language, use: use, content: content)
    }
}

/// Digests of texts.
enum TextDigest {
    /// The SHA-256 digest, 64 hexadecimal digits.
    static func sha256(of bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }
}
