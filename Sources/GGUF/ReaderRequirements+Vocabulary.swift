import TensorCore

extension ReaderRequirements {
    private static let models: Set<String> = [
        "no_vocab", "none", "llama", "bert", "gpt2", "hybriddna", "whitespace", "t5", "rwkv",
        "test", "plamo2", "gemma4",
    ]

    /// Those that cut words by a list of merges.
    private static let modelsWithMerges: Set<String> = [
        "gpt2", "hybriddna", "whitespace", "gemma4",
    ]

    private static let again = "Convert the model again."

    func vocabularyFaults() -> [ReaderFault] {
        guard let model = metadata["tokenizer.ggml.model"]?.text else { return [] }
        guard Self.models.contains(model) else {
            return [
                fault(
                    "tokenizer.ggml.model", found: "\"\(model)\"",
                    expected: "a tokenizer that readers know: llama, gpt2, bert, t5, …",
                    remedy: Self.again)
            ]
        }
        guard model != "no_vocab", model != "none" else { return rowFaults(tokenCount: nil) }
        let key = "tokenizer.ggml.tokens"
        guard case .strings(let tokens)? = metadata[key] else {
            return [
                fault(
                    key, found: metadata[key].map { "a value of type \($0.typeName)" } ?? "nothing",
                    expected: "ARRAY[STRING]", remedy: Self.again)
            ]
        }
        return mergeFaults(model) + listFaults(count: tokens.count) + textFaults(tokens)
            + nameFaults(tokens)
            + identifierFaults(count: tokens.count) + rowFaults(tokenCount: tokens.count)
    }

    private func mergeFaults(_ model: String) -> [ReaderFault] {
        guard Self.modelsWithMerges.contains(model) else { return [] }
        let key = "tokenizer.ggml.merges"
        switch metadata[key] {
        case .strings?: return []
        case nil where metadata["tokenizer.ggml.pre"]?.text == "kimi-k2" && model != "gemma4":
            return []
        case let value:
            return [
                fault(
                    key, found: value.map { "a value of type \($0.typeName)" } ?? "nothing",
                    expected: "ARRAY[STRING]", remedy: Self.again)
            ]
        }
    }

    /// Lists with an element for each token.
    private func listFaults(count: Int) -> [ReaderFault] {
        let lists = [
            ("tokenizer.ggml.scores", ["ARRAY[FLOAT32]", "ARRAY[INT32]"]),
            ("tokenizer.ggml.token_type", ["ARRAY[INT32]"]),
        ]
        var faults: [ReaderFault] = []
        for (key, types) in lists {
            guard let value = metadata[key] else { continue }
            let found: Int? =
                switch value {
                case .float32s(let values): values.count
                case .int32s(let values): values.count
                default: nil
                }
            guard let found, types.contains(value.typeName) else {
                faults.append(wrongType(key, value, types))
                continue
            }
            // Readers accept a longer list; nothing says what its end is for.
            guard found != count else { continue }
            faults.append(
                fault(
                    key, found: "\(found) elements", expected: "\(count), one for each token",
                    remedy: Self.again, isFatal: found < count))
        }
        if let value = metadata["tokenizer.ggml.suppress_tokens"],
            value.typeName != "ARRAY[INT32]"
        {
            faults.append(wrongType("tokenizer.ggml.suppress_tokens", value, ["ARRAY[INT32]"]))
        }
        return faults + mapFaults()
    }

    /// The map of characters that T5's tokenizer begins with.
    private func mapFaults() -> [ReaderFault] {
        let key = "tokenizer.ggml.precompiled_charsmap"
        let bytes: [UInt8]
        switch metadata[key] {
        case .uint8s(let values)?: bytes = values
        case .int8s(let values)?: bytes = values.map { UInt8(bitPattern: $0) }
        default: return []
        }
        guard metadata["tokenizer.ggml.model"]?.text == "t5" else { return [] }
        let size = bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count < 4 || size + 4 >= bytes.count else { return [] }
        return [
            fault(
                key, found: "\(bytes.count) bytes",
                expected: bytes.count < 4 ? "a length of 4 bytes" : "more than \(size + 4)",
                remedy: Self.again)
        ]
    }

    /// Readers know Phi-3 by its name, and end when it lacks one of its tokens.
    private func nameFaults(_ tokens: ByteStrings) -> [ReaderFault] {
        guard let name = metadata["general.name"]?.text?.lowercased(),
            ["phi-3", "phi3"].contains(where: name.contains)
        else { return [] }
        var missing: Set<ByteString> = ["</s>", "<unk>", "<s>", "<|endoftext|>"]
        for token in tokens { missing.remove(token) }
        guard let first = missing.min() else { return [] }
        return [
            fault(
                "general.name", found: "\"\(name)\" and no token \"\(first)\"",
                expected: "the tokens that llama.cpp looks up for a model of this name",
                remedy:
                    "Give it another name: --model-name, or --override-kv general.name=str:NAME.",
                isFatal: false)
        ]
    }

    /// Readers look tokens up by their text: no two may have the same.
    private func textFaults(_ tokens: ByteStrings) -> [ReaderFault] {
        var numbers: [ByteString: Int] = [:]
        numbers.reserveCapacity(tokens.count)
        for (number, token) in tokens.enumerated() {
            // Readers give a text to tokens that have none.
            let text = token.bytes.isEmpty ? ByteString("[EMPTY_\(number)]") : token
            guard let first = numbers.updateValue(number, forKey: text) else { continue }
            return [
                fault(
                    "tokenizer.ggml.tokens",
                    found: "the text \"\(text.description)\" for tokens \(first) and \(number)",
                    expected: "a text of its own for each token",
                    remedy: "Take the second out of the tokenizer's files and convert the model.")
            ]
        }
        return []
    }

    private func identifierFaults(count: Int) -> [ReaderFault] {
        var faults: [ReaderFault] = []
        for entry in metadata.entries
        where entry.key.hasPrefix("tokenizer.ggml.") && entry.key.hasSuffix("_token_id") {
            guard case .uint32(let identifier) = entry.value else {
                faults.append(wrongType(entry.key, entry.value, ["UINT32"]))
                continue
            }
            guard identifier >= count else { continue }
            faults.append(
                fault(
                    entry.key, found: "token \(identifier)", expected: "one of the \(count) tokens",
                    remedy: "Readers take their default; set it with --override-kv.",
                    isFatal: false))
        }
        for key in ["add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix"] {
            let key = "tokenizer.ggml.\(key)"
            guard let value = metadata[key], value.typeName != "BOOL" else { continue }
            faults.append(wrongType(key, value, ["BOOL"]))
        }
        return faults
    }

    /// Embeddings and output matrix have a row for each token.
    private func rowFaults(tokenCount: Int?) -> [ReaderFault] {
        guard isKnown, let count = tokenCount ?? integer("vocab_size") else { return [] }
        var faults: [ReaderFault] = []
        if let width = integer("embedding_length"),
            let table = tensors.first(where: { $0.name == "token_embd.weight" }),
            table.shape.rowLength != width
        {
            faults.append(
                fault(
                    key("embedding_length"), found: "\(width)",
                    expected: "\(table.shape.rowLength), the length of a row of token_embd.weight",
                    remedy: Self.again))
        }
        for tensor in tensors where ["token_embd.weight", "output.weight"].contains(tensor.name) {
            // A row alone may have lost its dimension.
            let rows = tensor.shape.rank > 1 ? tensor.shape.rowCount : 1
            guard rows != count else { continue }
            faults.append(
                fault(
                    tensor.name, found: "\(rows) rows",
                    expected: "\(count), one for each token",
                    remedy: "The tokenizer is another model's, or tokens are missing. \(Self.again)"
                ))
        }
        return faults
    }
}
