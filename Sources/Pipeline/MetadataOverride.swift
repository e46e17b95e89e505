public import TensorCore

/// A metadata entry that the user sets: `llama.context_length=int:8192`.
public struct MetadataOverride: Sendable, Hashable {
    /// The key.
    public let key: String
    /// The value.
    public let value: MetadataValue

    /// The longest key that GGUF allows, in bytes.
    static let longestKey = 65_535

    /// Sets `key` to a value.
    public init(key: String, value: MetadataValue) {
        self.key = key
        self.value = value
    }

    /// Reads `KEY=TYPE:VALUE`; the type is `int` (stored as UINT32), `float` (FLOAT32), `bool`
    /// (`true` or `false`) or `str`.
    ///
    /// - Throws: `PipelineError` when the text has another form or the value does not fit the type.
    public init(parsing text: String) throws(PipelineError) {
        func fault(_ expected: String) -> PipelineError {
            PipelineError(
                .malformedOption(found: text, expected: expected), path: "--override-kv")
        }
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")), equals != text.startIndex,
            let colon = text[equals...].utf8.firstIndex(of: UInt8(ascii: ":"))
        else { throw fault("KEY=TYPE:VALUE") }
        key = String(text[..<equals])
        guard key.utf8.count <= MetadataOverride.longestKey else {
            throw fault("a key of at most \(MetadataOverride.longestKey) bytes")
        }
        let content = String(text[text.utf8.index(after: colon)...])
        // The peer has these four and no other.
        let name = String(text[text.utf8.index(after: equals)..<colon])
        guard ["int", "float", "bool", "str"].contains(name), let type = ElementType(name: name)
        else { throw fault("one of the types int, float, bool and str") }
        guard let value = type.value(of: content) else { throw fault(type.expected) }
        self.value = value
    }
}
