import TensorCore

extension MetadataRule {
    /// The number of elements of a head that turn: all.
    static let wholeHeadTurns = MetadataRule.size("rope.dimension_count", .head)

    /// Where rows of queries and keys stand, in the words of the first converters.
    static let originalLayout = MetadataRule.constant(
        "tensor_data_layout", .string("Meta AI original pth"))

    /// A rotation that is not stretched, said as a stretching by 1.
    static let stretchedByOne: [MetadataRule] = [
        .constant("rope.scaling.type", .string("linear")),
        .constant("rope.scaling.factor", .float32(1)),
    ]

    /// The epsilon of RMS norms, which these configurations have under the word for layer norms.
    ///
    /// The reference converter leaves the key out, and readers that ask for it do not load its file.
    static let renamedEpsilon = MetadataRule.number(
        "attention.layer_norm_rms_epsilon", "layer_norm_epsilon")

    /// `{arch}.<key>` as an array of INT32, a number for each layer.
    @inline(never)
    static func counts(_ key: String, _ name: String) -> Self {
        .entries { configuration throws(ArchitectureError) in
            let layers = try configuration.numHiddenLayers()
            let numbers = configuration[name]?.array?.map { value in
                value.integer.flatMap { Int32(exactly: $0) }
            }
            guard let numbers, numbers.count == layers, !numbers.contains(where: { ($0 ?? -1) < 0 })
            else {
                throw configuration.fault(
                    .invalidValue(
                        found: configuration[name].map(\.kindName) ?? "nothing",
                        expected: "\(layers) numbers, one for each layer"), name)
            }
            return [.init("{arch}.\(key)", .int32s(numbers.compactMap { $0 }))]
        }
    }
}
