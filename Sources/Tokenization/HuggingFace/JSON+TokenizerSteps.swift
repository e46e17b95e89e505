import TensorCore

/// What a `tokenizer.json` is made of.
extension JSON {
    static func text(_ text: String) -> JSON { .string(ByteString(text)) }

    /// A step with its options.
    static func step(_ type: String, _ options: JSON = [:]) -> JSON {
        .object([.init("type", .text(type))] + (options.members ?? []))
    }

    /// Bytes written as the characters of `ByteAlphabet`, as pre-tokenizer, post-processor or decoder.
    static func byteLevel(
        addsPrefixSpace: Bool, trimsOffsets: Bool = true, usesRegex: Bool = true
    ) -> JSON {
        .step(
            "ByteLevel",
            [
                "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": .bool(trimsOffsets),
                "use_regex": .bool(usesRegex),
            ])
    }

    /// A pre-tokenizer that cuts out the matches of a pattern.
    static func split(_ pattern: String) -> JSON {
        .step(
            "Split",
            ["pattern": ["Regex": .text(pattern)], "behavior": "Isolated", "invert": false])
    }

    /// A token in a template.
    static func specialToken(_ text: ByteString) -> JSON {
        ["SpecialToken": ["id": .string(text), "type_id": 0]]
    }

    /// A text in a template.
    static func sequence(_ name: String, _ type: Int) -> JSON {
        ["Sequence": ["id": .text(name), "type_id": .integer(type)]]
    }
}

extension JSON.Member {
    init(_ key: String, _ value: JSON) {
        self.init(key: ByteString(key), value: value)
    }
}
