import TensorCore

extension ModelFamily {
    /// The language model of Qwen3-ASR: Qwen 3-VL's, without features of pictures.
    public static let qwen3Asr: ModelFamily = {
        var family = qwen3VL
        family.name = "Qwen3Asr"
        family.classes = ["Qwen3ASRForConditionalGeneration"]
        family.keys = family.keys + [.constant("n_deepstack_layers", .uint32(0))]
        family.tokenizer = TokenizerRules(replacements: endsOfTurns) { _ in
            [.init("tokenizer.chat_template", .string(plainTemplate))]
        }
        return family
    }()

    /// Parts that the end of a turn takes over.
    static let endsOfTurns: [TokenizerRules.TokenRole] = [
        .init("bos", "<|im_end|>"), .init("eos", "<|im_end|>"),
    ]

    private static let plainTemplate: ByteString =
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
}
