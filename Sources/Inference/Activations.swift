/// What linear layers take in.
public enum Activations: String, Sendable, CaseIterable {
    /// Numbers as they are: products in F32, which measure the weights alone.
    case f32
    /// Numbers rounded to 8 bits, as engines on processors have them: products of the stored codes
    /// in integers. Weights that are stored as floats, and attention, stay in F32.
    case q8
}
