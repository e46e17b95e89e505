/// How the metadata of a family's GGUF files become the description of a decoder.
struct DecoderRule: Sendable {
    /// Reads the metadata.
    let describe: @Sendable (DecoderMetadata) throws(DecoderDescriptionError) -> DecoderDescription

    /// A decoder made in the family's own way.
    @inline(never)
    static func custom(
        _ describe:
            @escaping @Sendable (DecoderMetadata) throws(DecoderDescriptionError) ->
            DecoderDescription
    ) -> Self { .init(describe: describe) }

    /// A decoder whose blocks are all of a style.
    ///
    /// - Parameter change: What the style does not say, block by block.
    @inline(never)
    static func blocks(
        _ style: DecoderStyle,
        change:
            @escaping @Sendable (DecoderMetadata, Int, inout BlockDescription)
            throws(DecoderDescriptionError) -> Void = { _, _, _ in }
    ) -> Self {
        .custom { model throws(DecoderDescriptionError) in
            try model.decoder(style) { index, block throws(DecoderDescriptionError) in
                try change(model, index, &block)
            }
        }
    }

    /// A decoder whose blocks are recurrences and nothing else.
    @inline(never)
    static func recurrence(_ style: RecurrenceStyle) -> Self {
        .custom { model throws(DecoderDescriptionError) in try model.recurrentDecoder(style) }
    }
}
