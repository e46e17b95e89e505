/// What linear layers take in.
public enum Activations: String, Sendable, CaseIterable {
    /// Numbers as they are: products in F32, which measure the weights alone.
    case f32
    /// Numbers rounded as engines on processors have them: to 8 bits where weights have codes,
    /// with products in integers; to F16 or BF16 where weights are of that type. Matrices of F32,
    /// and attention, take numbers as they are.
    case q8
}
