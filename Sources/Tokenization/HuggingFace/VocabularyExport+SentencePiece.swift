import TensorCore

extension VocabularyExport {
    /// The score of tokens that other files add to a SentencePiece model.
    private static let addedScore: Float = -1000

    /// The model's file, and the tokens that are added to it, as members of
    /// `added_tokens_decoder`.
    ///
    /// Field numbers as in `sentencepiece_model.proto` of the SentencePiece project.
    func sentencePieces() -> (bytes: [UInt8], added: [JSON.Member]) {
        let scores = vocabulary.scores ?? Array(repeating: 0, count: vocabulary.tokens.count)
        func isAdded(_ id: Int) -> Bool {
            let type = vocabulary.types[id]
            return type == .userDefined || type == .control && scores[id] == Self.addedScore
        }
        var added: [JSON.Member] = []
        for id in vocabulary.tokens.indices where isAdded(id) {
            added.append(
                .init(
                    "\(id)",
                    [
                        "content": .string(vocabulary.tokens[id]), "lstrip": false,
                        "normalized": false, "rstrip": false, "single_word": false,
                        "special": .bool(vocabulary.types[id] == .control),
                    ]))
        }
        let count =
            vocabulary.tokens.indices.last {
                !isAdded($0)
                    && !(vocabulary.types[$0] == .unused && vocabulary.tokens[$0] == .padding($0))
            }.map { $0 + 1 } ?? 0
        var model = ProtobufWriter()
        for id in 0..<count {
            var piece = ProtobufWriter()
            piece.append(1, bytes: vocabulary.tokens[id].bytes)
            piece.append(2, float: scores[id])
            let type = vocabulary.types[id]
            if type != .normal { piece.append(3, varint: UInt64(type.rawValue)) }
            model.append(1, bytes: piece.bytes)
        }
        var trainer = ProtobufWriter()
        trainer.append(3, varint: vocabulary.model == .unigram ? 1 : 2)
        trainer.append(4, varint: UInt64(count))
        trainer.append(35, varint: vocabulary.types.contains(.byte) ? 1 : 0)
        // The numbers may be -1, which takes all 64 bits.
        for (field, role) in [(40, Vocabulary.SpecialRole.unk), (41, .bos), (42, .eos), (43, .pad)]
        {
            let id =
                vocabulary.specialIDs[role].map { Int64($0) }
                ?? (role == .unk
                    ? vocabulary.types.firstIndex(of: .unknown).map { Int64($0) } : nil)
            let isPiece = id.map { $0 < Int64(count) } ?? false
            trainer.append(field, varint: UInt64(bitPattern: isPiece ? id ?? -1 : -1))
        }
        model.append(2, bytes: trainer.bytes)
        var normalizer = ProtobufWriter()
        normalizer.append(1, bytes: Array("identity".utf8))
        if let map = vocabulary.precompiledCharsmap { normalizer.append(2, bytes: map) }
        normalizer.append(3, varint: vocabulary.addSpacePrefix ?? true ? 1 : 0)
        normalizer.append(4, varint: vocabulary.removeExtraWhitespaces ?? false ? 1 : 0)
        normalizer.append(5, varint: 1)
        model.append(3, bytes: normalizer.bytes)
        return (model.bytes, added)
    }
}
