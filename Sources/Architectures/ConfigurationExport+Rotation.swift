import TensorCore

extension ConfigurationExport {
    /// The share of a whole that these are, which rounded down gives them back.
    static func share(_ count: Int, of whole: Int) -> Double {
        let share = Double(count) / Double(whole)
        return Int(share * Double(whole)) < count ? share.nextUp : share
    }

    /// `rope_parameters` of layers that see everything and, where the file has a base for them, of
    /// those with a sliding window, which are not stretched.
    func rotationsByLayerType(_ source: Source, _ scaling: JSON?) -> JSON {
        func rotation(_ scaling: [JSON.Member], _ base: JSON?, _ turning: Int?) -> JSON {
            var members = scaling
            if members.isEmpty { members = [.init(key: "rope_type", value: .text("default"))] }
            if let base { members.append(.init(key: "rope_theta", value: base)) }
            if let turning, let head = source.headLength, turning < head {
                members.append(
                    .init(
                        key: "partial_rotary_factor",
                        value: .real(ConfigurationExport.share(turning, of: head))))
            }
            return .object(members)
        }
        let turning = source.integer("rope.dimension_count")
        let stretched = (scaling?.members ?? []).filter { $0.key != "type" }
        var kinds = [
            JSON.Member(
                key: "full_attention",
                value: rotation(stretched, source.value("rope.freq_base")?.json, turning))
        ]
        if let base = source.value("rope.freq_base_swa")?.json {
            let own = source.integer("rope.dimension_count_swa") ?? turning
            kinds.append(.init(key: "sliding_attention", value: rotation([], base, own)))
        }
        return .object(kinds)
    }

    /// How the rotary embedding is stretched, from keys or from tensors of factors.
    func rotaryScaling(_ source: Source) throws -> JSON? {
        if let factors = try source.tensor("rope_freqs.weight") {
            return llama3Scaling(factors, source)
        }
        if let long = try source.tensor("rope_factors_long.weight"),
            let short = try source.tensor("rope_factors_short.weight")
        {
            func list(_ factors: [Float]) -> JSON {
                .array(factors.map { MetadataValue.float32($0).json ?? .null })
            }
            let magnitude = source.value("rope.scaling.attn_factor")?.json ?? .real(1)
            return .object(
                [
                    .init(key: "type", value: .text("longrope")),
                    .init(key: "long_factor", value: list(long)),
                    .init(key: "short_factor", value: list(short)),
                ] + magnitudeWords.map { .init(key: ByteString($0), value: magnitude) })
        }
        // Without a factor nothing is stretched, whatever the kind.
        let given = source.value("rope.scaling.factor").flatMap { _ in
            source.value("rope.scaling.type")?.text
        }
        let sections = rotarySections(source)
        guard let type = given == nil || given == "none" ? sections.map({ _ in "default" }) : given
        else { return nil }
        var members: [JSON.Member] = [
            .init(key: "rope_type", value: .text(type)), .init(key: "type", value: .text(type)),
        ]
        for (key, word) in [
            ("factor", "factor"),
            ("original_context_length", "original_max_position_embeddings"),
            ("yarn_ext_factor", "extrapolation_factor"),
            ("yarn_attn_factor", "attention_factor"), ("yarn_beta_fast", "beta_fast"),
            ("yarn_beta_slow", "beta_slow"),
        ] {
            if let value = source.value("rope.scaling.\(key)")?.json {
                members.append(.init(key: ByteString(word), value: value))
            }
        }
        // DeepSeek's magnitude: files have a tenth of it.
        if case .float32(let tenth)? = source.value("rope.scaling.yarn_log_multiplier"),
            let scale = Double("\(tenth)").map({ ($0 * 1e8).rounded() / 1e7 })
        {
            members.append(.init(key: "mscale", value: .real(scale)))
            members.append(.init(key: "mscale_all_dim", value: .real(scale)))
        }
        if let sections {
            members.append(
                .init(key: "mrope_section", value: .array(sections.map { .integer($0) })))
            members.append(.init(key: "mrope_interleaved", value: .bool(true)))
        }
        members += scalingConstants.map { .init(key: ByteString($0.key), value: $0.value) }
        return .object(members)
    }

    /// The parameters of Llama 3's scaling that give these factors.
    ///
    /// The file has the factors only. The largest is `factor`; the usual frequencies' bounds are
    /// tried with the contexts that a model may have been trained with. What fits none is found
    /// when the factors are computed from the result and compared.
    private func llama3Scaling(_ factors: [Float], _ source: Source) -> JSON? {
        guard let factor = factors.max(), let context = source.integer("context_length") else {
            return nil
        }
        func scaling(_ original: Int, high: Double) -> JSON {
            .object([
                .init(key: "rope_type", value: .text("llama3")),
                .init(key: "factor", value: MetadataValue.float32(factor).json ?? .null),
                .init(key: "low_freq_factor", value: .real(1)),
                .init(key: "high_freq_factor", value: .real(high)),
                .init(key: "original_max_position_embeddings", value: .integer(original)),
            ])
        }
        let theta = source.value("rope.freq_base")?.json ?? .real(10000)
        // 4 in Llama 3, 1 in Llama 4.
        for high in [4.0, 1] {
            for original in (4..<20).map({ 1 << $0 }) + [context] {
                let configuration = ModelConfiguration(
                    .object([
                        .init(key: "rope_theta", value: theta),
                        .init(key: "rope_scaling", value: scaling(original, high: high)),
                    ]), path: "")
                let made = try? RotaryParameters(configuration).llama3Factors(
                    dimension: 2 * factors.count, contextLength: original)
                if made == factors { return scaling(original, high: high) }
            }
        }
        return scaling(8192, high: 4)
    }
}
