import TensorCore

extension DecoderMetadata {
    /// An encoder: a style's decoder with what comes before the first block of most encoders.
    ///
    /// Kinds of segments and learned positions are told by presence.
    func encoder(
        _ style: DecoderStyle,
        change: (Int, inout BlockDescription) throws(DecoderDescriptionError) -> Void = { _, _ in }
    ) throws(DecoderDescriptionError) -> DecoderDescription {
        var style = style
        style.seesAhead = true
        var encoder = try decoder(style, change: change)
        encoder.segmentEmbedding = present("token_types.weight")
        encoder.embeddingNorm = try norm(style.norm, "token_embd_norm")
        return encoder
    }

    /// What the metadata of any model say about embeddings made with it.
    func addPooling(to model: inout DecoderDescription) throws(DecoderDescriptionError) {
        if try flag("attention.causal", standard: true) == false {
            for index in model.blocks.indices {
                guard case .attention(var attention) = model.blocks[index].mixer else { continue }
                attention.isCausal = false
                model.blocks[index].mixer = .attention(attention)
            }
        }
        model.pooling = try pooling("pooling_type")
        var width = model.embeddingLength
        for name in ["dense_2", "dense_3"] where present("\(name).weight") != nil {
            let inputs = try optionalCount("\(name)_feat_in") ?? width
            guard inputs == width else {
                throw invalid("\(name)_feat_in", expected: "\(width)")
            }
            // A single layer's may be said as what the model gives.
            var outputs = try optionalCount("\(name)_feat_out")
            if outputs == nil, name == "dense_2" { outputs = try count("embedding_length_out") }
            guard let outputs else { throw missing("\(name)_feat_out") }
            model.poolingLayers.append(projection(name, outputs: outputs, inputs: inputs))
            width = outputs
        }
        if model.classifier == nil { model.classifier = try classifier(activation: .tanh) }
    }

    /// The head of a classifier, where the model has one.
    ///
    /// The matrix that makes the answers is `cls.output`, behind another that is `cls`; a file that
    /// has `cls` alone has no other.
    func classifier(
        activation: ClassifierHead.Activation, norm: BlockDescription.Norm? = nil
    ) throws(DecoderDescriptionError) -> ClassifierHead? {
        let width = try count("embedding_length")
        let output = ["cls.output", "cls"].first { present("\($0).weight") != nil }
        guard let output else { return nil }
        let isDeep = output != "cls" && present("cls.weight") != nil
        var labels: [String] = []
        if case .strings(let names)? = metadata[key("classifier.output_labels")] {
            labels = names.map(\.description)
        }
        return ClassifierHead(
            dense: isDeep ? projection("cls", outputs: width, inputs: width) : nil,
            activation: activation, norm: isDeep ? norm : nil, output: "\(output).weight",
            outputBias: present("\(output).bias"),
            pooling: try pooling("classifier.pooling_type") ?? .cls, labels: labels)
    }

    private func pooling(_ suffix: String) throws(DecoderDescriptionError) -> Pooling? {
        guard let value = metadata[key(suffix)] else { return nil }
        guard let number = value.integer, let pooling = Pooling(metadataValue: number) else {
            throw invalid(suffix, expected: "a number from 0 to 4")
        }
        return pooling
    }
}
