import TensorCore
import TestSupport
import Tokenization

/// The tiny checkpoints of the conformance data and what the peer's converter made of them.
enum Checkpoints {
    /// Those in the repository.
    static let committed = ["llama", "llama-spm", "qwen3"]
    /// All of them; needs `INGOT_CONFORMANCE`.
    static let all = [
        "bert", "cohere", "deepseek2", "exaone4", "falcon", "gemma", "gemma2", "gemma3", "gpt-oss",
        "gpt2", "gptneox", "granite", "llama", "llama-odd", "llama-rope3", "llama-spm", "mistral",
        "mixtral", "olmo2", "olmoe", "phi2", "phi3", "qwen2", "qwen2moe", "qwen3", "qwen3moe",
        "smollm2", "smollm3", "stablelm", "starcoder2",
    ]

    static let haveCommitted = committed.allSatisfy { Fixtures.exists(directory($0)) }
    static let haveAll = Fixtures.fullConformance != nil

    static func directory(_ name: String) -> String {
        "\(Fixtures.anyConformance)/convert/checkpoints/\(name)"
    }

    /// The metadata that the peer wrote, by key.
    static func expectedMetadata(_ name: String) throws -> [String: JSON] {
        let json = try JSON.parse(path: "\(Fixtures.anyConformance)/convert/expected/\(name).json")
        var result: [String: JSON] = [:]
        for entry in json["metadata"]?.array ?? [] {
            if let key = entry["key"]?.text, let value = entry["value"] { result[key] = value }
        }
        return result
    }
}

/// Lists as Python's `json.dumps(list, ensure_ascii=False)` writes them: what the digests in the
/// expectations are taken of.
enum PythonJSON {
    static func list(_ strings: [ByteString]) -> [UInt8] {
        Array("[".utf8) + Array(strings.map { quoted($0) }.joined(separator: Array(", ".utf8)))
            + Array("]".utf8)
    }

    static func list(_ numbers: [Float]) -> [UInt8] {
        Array("[\(numbers.map { "\(Double($0))" }.joined(separator: ", "))]".utf8)
    }

    static func list(_ numbers: [Int32]) -> [UInt8] {
        Array("[\(numbers.map { "\($0)" }.joined(separator: ", "))]".utf8)
    }

    private static func quoted(_ text: ByteString) -> [UInt8] {
        var result: [UInt8] = [UInt8(ascii: "\"")]
        for byte in text.bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += [UInt8(ascii: "\\"), byte]
            case 0x0A: result += Array("\\n".utf8)
            case 0x0D: result += Array("\\r".utf8)
            case 0x09: result += Array("\\t".utf8)
            case 0x08: result += Array("\\b".utf8)
            case 0x0C: result += Array("\\f".utf8)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                result += Array(
                    ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
            default: result.append(byte)
            }
        }
        return result + [UInt8(ascii: "\"")]
    }
}
