import Architectures
import GGUF
import TensorCore
import Tokenization

extension ConversionSource {
    /// The metadata of a file, in the order in which the reference converter writes them.
    static func metadata(
        _ place: TokenizerDirectory, _ family: ModelFamily,
        _ configuration: ModelConfiguration, _ weights: ConvertedWeights,
        _ general: GeneralMetadata, _ tokenizer: HFTokenizer
    ) throws -> Metadata {
        var metadata = Metadata()
        metadata["general.architecture"] = .string(try family.architecture(of: configuration))
        let fileType = weights.outputType.fileType(
            packedAs: weights.method, keepingPacked: weights.mapping.keepsPacked)
        func append(_ rules: [MetadataRule]) throws {
            let entries = try family.entries(rules, of: configuration, fileType: fileType)
            for entry in entries { metadata[entry.key] = entry.value }
        }
        if family.tokenizer.leadsWithTemplate { metadata.appendMainTemplate(of: tokenizer) }
        for entry in weights.mapping.learned { metadata[entry.key] = entry.value }
        try append(family.rotary.leadingKeys)
        metadata["general.type"] = .string("model")
        for entry in general.entries { metadata[entry.key] = entry.value }
        try append(family.keys)
        metadata["general.quantization_version"] = .uint32(2)
        let rules = place.rules
        let addsPrefixSpace = tokenizer.addsPrefixSpace(place.directory.tokenizerConfig)
        if rules.prefixSpace == .first, let addsPrefixSpace {
            metadata["tokenizer.ggml.add_space_prefix"] = .bool(addsPrefixSpace)
        }
        var amid: Bool?
        if case .amid(let always) = rules.prefixSpace,
            tokenizer.kind == .sentencePieceBPE
        {
            amid = addsPrefixSpace ?? (always ? tokenizer.vocabulary.addSpacePrefix ?? true : nil)
        }
        try append(rules.leadingKeys)
        metadata.append(
            tokenizer,
            segments: try family.entries(
                rules.segmentKeys, of: configuration, fileType: fileType),
            prefixSpace: amid)
        for entry in rules.keys(configuration) { metadata[entry.key] = entry.value }
        if rules.prefixSpace == .last, let addsPrefixSpace {
            metadata["tokenizer.ggml.add_space_prefix"] = .bool(addsPrefixSpace)
        }
        if !place.isOwn {
            for entry in family.tokenizer.keys(configuration) { metadata[entry.key] = entry.value }
        }
        metadata.settleSpacePrefix(tokenizer)
        return metadata
    }
}
