/// Finds the names that a family's rules have for the tensors of a checkpoint.
///
/// One model is saved under the names of its whole class (`model.layers.0.…`), of the base model
/// inside it (`layers.0.…`), of a class with further parts around it
/// (`model.language_model.layers.0.…`) or of whatever a program had wrapped around it
/// (`module._orig_mod.model.layers.0.…`). As transformers does when it loads a base model into a
/// class with a head and the other way round, a name is taken for the one that the rules know once
/// what stands in front is left off or the base model's prefix is added.
public struct CheckpointNames: Sendable {
    /// What a tensor's name means.
    public enum Meaning: Sendable, Hashable {
        /// A tensor that the family's rules know by this name.
        case rule(String)
        /// A part that is not the language model: pictures, sound.
        case foreign
        /// A part of an adapter, which has not been merged into the weights.
        case adapter
        /// None of these.
        case unknown
    }

    /// Modules that hold a base model, in transformers and in the programs that train.
    private static let wrappers: Set<Substring> = [
        "model", "transformer", "gpt_neox", "backbone", "bert", "roberta", "distilbert",
        "nomic_bert", "language_model", "module", "base_model", "pretrained_model",
        "_forward_module", "thinker", "llm", "text_model",
    ]
    /// Modules that stand between a module and what it computes: of `torch.compile`, FSDP,
    /// activation checkpointing, and of adapters that have been merged.
    private static let transparent: Set<Substring> = [
        "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "base_layer",
    ]
    /// Modules of adapters (PEFT's LoRA and its kin).
    private static let adapters: Set<Substring> = [
        "lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector",
        "modules_to_save", "original_module", "ia3_l", "hada_w1_a", "hada_w1_b", "hada_w2_a",
        "hada_w2_b", "lokr_w1", "lokr_w2", "vera_lambda_b", "vera_lambda_d",
    ]
    /// Modules for pictures and sound.
    private static let foreign: Set<Substring> = [
        "vit", "vpm", "siglip2", "conformer", "merger", "resampler", "vision_resampler", "mlp1",
        "mlp_AR",
        "vit_large_projector", "sound_encoder", "sound_projection", "speech_embeddings", "talker",
        "token2wav",
        "code2wav", "vision", "connector", "aligner", "generation_embeddings",
        "generation_aligner", "generation_head", "vqmodel", "image_newline", "audio_projector",
        "view_seperator", "audio", "patch_embed",
        "visual", "vision_tower", "vision_model", "vision_encoder", "multi_modal_projector",
        "mm_projector", "vision_adapter", "vision_projection", "mtp_layers", "embed_vision",
        "audio_tower",
        "audio_encoder", "embed_audio",
    ]
    /// What old checkpoints of any family call otherwise.
    private static let oldSpellings = [
        ModelFamily.Spelling("LayerNorm.gamma", means: "LayerNorm.weight"),
        ModelFamily.Spelling("LayerNorm.beta", means: "LayerNorm.bias"),
    ]

    /// The rules' names without their numbers.
    private let known: Set<String>
    /// What the rules' names begin with: nothing, or a base model's name.
    private let prefixes: [String]
    private let spellings: [ModelFamily.Spelling]
    /// Whole names that are none of the language model's.
    private let foreignNames: Set<String>
    private let foreignPrefixes: [String]
    /// The prefix of layers that are named apart.
    private let apart: String?
    /// The number of the first layer of which all tensors are known, as they are left out.
    private let firstLeftOut: Int?

    /// Collects the names of a family's rules.
    public init(
        _ family: ModelFamily, in configuration: ModelConfiguration
    ) throws(ArchitectureError) {
        let patterns =
            family.tensors.rules.flatMap { $0.sources.map(\.pattern) }
            + family.checkpoint.layerScalars.map(\.pattern)
        known = Set(patterns.map { TensorPattern.skeleton(of: $0.name(block: 0)) })
        let heads = Set(patterns.compactMap { $0.text.split(separator: ".").first })
        prefixes = [""] + heads.intersection(CheckpointNames.wrappers).sorted().map { $0 + "." }
        spellings = family.checkpoint.spellings + CheckpointNames.oldSpellings
        foreignNames = family.checkpoint.foreign
        foreignPrefixes = family.checkpoint.foreignPrefixes
        let further = family.checkpoint.multiTokenPrediction
        if case .apart(let prefix, _) = further { apart = prefix } else { apart = nil }
        firstLeftOut = further == .leftOut ? try configuration.numHiddenLayers() : nil
    }

    /// What a tensor of the checkpoint is.
    public func meaning(of name: String) -> Meaning {
        if foreignNames.contains(name) || foreignPrefixes.contains(where: name.hasPrefix) {
            return .foreign
        }
        if isKnown(name) { return .rule(name) }
        var parts = name.split(separator: ".", omittingEmptySubsequences: false)
        if parts.contains(where: CheckpointNames.adapters.contains) { return .adapter }
        parts.removeAll(where: CheckpointNames.transparent.contains)
        var rest = parts[...]
        while true {
            let plain = rest.joined(separator: ".")
            for spelling in [plain, respelled(plain)] {
                for prefix in prefixes where isKnown(prefix + spelling) {
                    return .rule(prefix + spelling)
                }
            }
            guard let first = rest.first, CheckpointNames.wrappers.contains(first) else { break }
            rest = rest.dropFirst()
        }
        return parts.contains(where: CheckpointNames.foreign.contains) ? .foreign : .unknown
    }

    private func isKnown(_ name: String) -> Bool {
        if known.contains(TensorPattern.skeleton(of: name)) { return true }
        if let apart, name.hasPrefix(apart) { return true }
        guard let firstLeftOut else { return false }
        return (ModelFamily.layerPattern.place(ofNameBeginning: name.utf8)?.block ?? -1)
            >= firstLeftOut
    }

    private func respelled(_ name: String) -> String {
        spellings.reduce(name) { name, spelling in
            guard let range = TensorPattern.find(spelling.other, in: name) else { return name }
            return name.replacingCharacters(in: range, with: spelling.own)
        }
    }
}

extension ModelFamily {
    /// Another name that checkpoints of a family have for a part of a tensor's name.
    public struct Spelling: Sendable, Hashable {
        /// What other checkpoints say.
        public let other: String
        /// What the family's rules say.
        public let own: String

        /// A spelling.
        public init(_ other: String, means own: String) {
            self.other = other
            self.own = own
        }
    }

    /// What the names of a layer's tensors begin with, where layers may follow the last one.
    public static let layerPattern = TensorPattern("model.layers.{bid}.")
}

extension String {
    fileprivate func replacingCharacters(
        in range: Range<String.Index>, with text: String
    ) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
