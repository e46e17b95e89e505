import TensorCore

extension ReaderRequirements {
    /// The most blocks and experts of llama.cpp.
    static let mostBlocks = 512
    private static let mostExperts = 1024

    /// Families whose blocks from `leading_dense_block_count` on have experts, and the others not.
    private static let withLeadingDense: Set<String> = [
        "afmoe", "bailingmoe", "bailingmoe2", "deepseek", "deepseek2", "dots1", "ernie4_5-moe",
        "glm4moe", "lfm2moe",
    ]

    func blockFaults() -> [ReaderFault] {
        guard isKnown, let count = integer("block_count") else { return [] }
        guard (1...Self.mostBlocks).contains(count) else {
            return [
                fault(
                    key("block_count"), found: "\(count)", expected: "1 to \(Self.mostBlocks)")
            ]
        }
        let further = integer("nextn_predict_layers") ?? 0
        guard (0...count).contains(further) else {
            return [
                fault(
                    key("nextn_predict_layers"), found: "\(further)",
                    expected: "at most the \(count) blocks")
            ]
        }
        return presenceFaults(count: count, further: further) + arrayFaults(count: count)
            + expertFaults() + placeFaults(main: count - further)
            + windowFaults(main: count - further)
    }

    /// The number of the block that a tensor is in; one of so many digits that nothing follows it is cut.
    private func block(of name: String) -> Int? {
        guard name.utf8.starts(with: "blk.".utf8) else { return nil }
        let digits = name.utf8.dropFirst(4).prefix { (0x30...0x39).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self)).map { min($0, .max - 1) }
    }

    /// Every block has tensors, and no tensor is in another block.
    private func presenceFaults(count: Int, further: Int) -> [ReaderFault] {
        let found = Set(tensors.compactMap { block(of: $0.name) })
        guard !found.isEmpty else { return [] }
        if let last = found.max(), last >= count {
            return [
                fault(
                    key("block_count"), found: "\(count) and tensors of block \(last)",
                    expected: "a number above that of the last block",
                    remedy: "Set it with --override-kv \(key("block_count"))=int:\(last + 1), or"
                        + " convert the model again.")
            ]
        }
        // Blocks that predict further tokens may be in a file of their own.
        let isFurtherAlone = further > 0 && !found.contains(0)
        guard !isFurtherAlone,
            let missing = (0..<count - further).first(where: { !found.contains($0) })
        else { return [] }
        return [
            fault(
                key("block_count"), found: "\(count) and no tensor of block \(missing)",
                expected: "tensors for every block",
                remedy: "The file is not whole; convert or fetch it again.")
        ]
    }

    private func arrayFaults(count: Int) -> [ReaderFault] {
        var faults: [ReaderFault] = []
        for suffix in [
            "feed_forward_length", "attention.head_count", "attention.head_count_kv",
            "expert_used_count", "expert_feed_forward_length", "attention.recurrent_layers",
        ] {
            guard let value = metadata[key(suffix)] else { continue }
            let length: Int? =
                if case .bools(let values) = value { values.count } else { value.integers?.count }
            guard let length, length != count else { continue }
            faults.append(
                fault(
                    key(suffix), found: "\(length) elements",
                    expected: "\(count), one for each block", remedy: "Convert the model again."))
        }
        return faults
    }

    /// A family with sliding windows has one in some block; encoders keep no keys and may do without.
    private func windowFaults(main: Int) -> [ReaderFault] {
        guard !["modern-bert", "gemma-embedding"].contains(architecture) else { return [] }
        let window = integer("attention.sliding_window")
        let isNeeded =
            LayerPatterns.windowsNeeded.contains(architecture)
            || LayerPatterns.windows[architecture] != nil && window ?? 0 > 0
            || architecture == "llama4" && window != 0
        let place = key("attention.sliding_window_pattern")
        let hasWindow: Bool
        switch metadata[place] {
        case .bools(let values)?: hasWindow = values.prefix(main).contains(true)
        case let value?:
            guard let period = value.integer else { return [] }
            hasWindow = period != 1
        case nil:
            guard let cycle = LayerPatterns.windows[architecture] else { return [] }
            hasWindow = (0..<main).contains { !cycle.isDifferent($0) }
        }
        guard isNeeded, !hasWindow else { return [] }
        return [
            fault(
                place, found: "no block with a sliding window",
                expected: "at least one, without which readers of \(architecture) end",
                remedy: "Keep a block with a window.")
        ]
    }

    private func expertFaults() -> [ReaderFault] {
        // Readers take one expert of these for none.
        guard !architecture.hasPrefix("hunyuan-dense") else { return [] }
        let count = integer("expert_count") ?? 0
        let value = metadata[key("expert_used_count")]
        let used = value?.integer ?? value?.integers?.max() ?? 0
        let place = key("expert_used_count")
        if count > Self.mostExperts {
            return [
                fault(
                    key("expert_count"), found: "\(count)", expected: "at most \(Self.mostExperts)")
            ]
        }
        if used > count || count > 0 && used == 0 {
            return [
                fault(
                    place, found: "\(used)",
                    expected: count == 0 ? "0 without experts" : "1 to the \(count) experts",
                    remedy: "Set it with --override-kv \(place)=int:N.")
            ]
        }
        let groups = integer("expert_group_count") ?? 0
        let isDivided = groups <= 1 || count % groups == 0
        guard groups == 0 || groups < count && isDivided else {
            return [
                fault(
                    key("expert_group_count"), found: "\(groups)",
                    expected: "a divisor of the \(count) experts that is smaller")
            ]
        }
        let usedGroups = integer("expert_group_used_count") ?? 0
        if groups > 1, !(1..<groups).contains(usedGroups) {
            return [
                fault(
                    key("expert_group_used_count"), found: "\(usedGroups)",
                    expected: "1 to \(groups - 1)")
            ]
        }
        return []
    }

    /// Experts are in the blocks where the metadata say so.
    private func placeFaults(main: Int) -> [ReaderFault] {
        let suffix: String
        let hasExperts: (Int) -> Bool
        if Self.withLeadingDense.contains(architecture),
            (integer("interleave_moe_layer_step") ?? 1) == 1
        {
            suffix = "leading_dense_block_count"
            let leading = integer(suffix) ?? 0
            hasExperts = { $0 >= leading }
        } else if architecture == "llama4", let step = integer("interleave_moe_layer_step") {
            suffix = "interleave_moe_layer_step"
            hasExperts = { step > 0 && ($0 + 1) % step == 0 }
        } else {
            return []
        }
        var routed: Set<Int> = []
        for tensor in tensors where tensor.name.hasSuffix(".ffn_gate_inp.weight") {
            if let block = block(of: tensor.name) { routed.insert(block) }
        }
        guard !routed.isEmpty || integer("expert_count") ?? 0 > 0,
            tensors.contains(where: { block(of: $0.name) != nil }),
            let wrong = (0..<main).first(where: { routed.contains($0) != hasExperts($0) })
        else { return [] }
        return [
            fault(
                key(suffix),
                found: "\(metadata[key(suffix)]?.integer ?? 0) and a block \(wrong)"
                    + " \(routed.contains(wrong) ? "with" : "without") experts",
                expected: "experts where it says", remedy: "Set it with --override-kv.")
        ]
    }

    func keyFaults() -> [ReaderFault] {
        guard !architecture.isEmpty else {
            // Importance matrices and adapters have no family, or say what they are.
            guard tensors.contains(where: { block(of: $0.name) != nil }),
                ["model", nil].contains(metadata["general.type"]?.text),
                !tensors.contains(where: { $0.name.hasSuffix(".in_sum2") })
            else { return [] }
            return [
                fault(
                    "general.architecture", found: "nothing", expected: "the family's name",
                    remedy: "Set it with --override-kv general.architecture=str:NAME.")
            ]
        }
        guard isKnown, let required = Self.requiredKeys[architecture] else { return [] }
        var faults: [ReaderFault] = []
        let everywhere = ["context_length", "embedding_length", "block_count"]
        for name in (everywhere + required).map({ $0.hasPrefix("xielu") ? $0 : key($0) })
            + ["tokenizer.ggml.model"]
        where metadata[name] == nil {
            faults.append(
                fault(
                    name, found: "nothing",
                    expected: "a value, without which readers of \(architecture) end",
                    remedy: "Say it in the model's configuration and convert, or set it with"
                        + " --override-kv."))
        }
        let place = key("attention.sliding_window")
        if required.contains("attention.sliding_window"), let window = metadata[place]?.integer,
            window <= 0
        {
            faults.append(fault(place, found: "\(window)", expected: "a positive number"))
        }
        return faults + typeFaults() + rotationFaults()
    }

    private func typeFaults() -> [ReaderFault] {
        var faults: [ReaderFault] = []
        for (type, suffixes) in Self.keyTypes {
            for suffix in suffixes {
                guard let value = metadata[key(suffix)], value.typeName != type else { continue }
                faults.append(wrongType(key(suffix), value, [type]))
            }
        }
        for (name, type) in Self.commonTypes {
            guard let value = metadata[name], value.typeName != type else { continue }
            faults.append(wrongType(name, value, [type]))
        }
        return faults
    }

    private func rotationFaults() -> [ReaderFault] {
        var faults: [ReaderFault] = []
        let kinds = ["none", "linear", "yarn", "longrope"]
        if let kind = metadata[key("rope.scaling.type")]?.text, !kinds.contains(kind) {
            faults.append(
                fault(
                    key("rope.scaling.type"), found: "\"\(kind)\"",
                    expected: kinds.joined(separator: ", "),
                    remedy: "Set it with --override-kv \(key("rope.scaling.type"))=str:none."))
        }
        guard ["llama", "falcon", "deci"].contains(architecture),
            let rotated = integer("rope.dimension_count"), let width = integer("embedding_length"),
            let heads = integer("attention.head_count"), heads > 0
        else { return faults }
        let length = integer("attention.key_length") ?? width / heads
        if rotated != length {
            faults.append(
                fault(
                    key("rope.dimension_count"), found: "\(rotated)",
                    expected: "\(length), the length of a head"))
        }
        return faults
    }
}
