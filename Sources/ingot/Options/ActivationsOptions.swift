import ArgumentParser
import GGUF
import Inference
import Quantization
import TensorCore

/// What linear layers take in.
struct ActivationsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What linear layers take in: f32 as it is, q8 rounded as engines do, to 8 bits and"
                + " multiplied with the stored codes, or to 16 bits for F16 and BF16. (default:"
                + " f32)", valueName: "f32|q8"), transform: Activations.named)
    var activations = Activations.f32

    /// Which matrices take in F32 though activations are to be rounded, a sentence for each model.
    func warnings(_ models: [Model]) -> [String] {
        guard activations == .q8 else { return [] }
        return models.compactMap { model in
            let matrices = model.matricesWithoutRounding
            guard let first = matrices.first else { return nil }
            let formats = Dictionary(grouping: matrices, by: \.format.name)
                .sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }
            return "\(Paths.name(model.path)): with activations q8, \(matrices.count) matrices"
                + " still run in F32 (\(formats.joined(separator: ", "))): \(first.name)"
                + (matrices.count > 1 ? " and others" : "")
        }
    }
}

extension Activations {
    /// What an option's value names.
    static func named(_ name: String) throws -> Activations {
        guard let activations = Activations(rawValue: name) else {
            throw ValidationError("'\(name)' found, expected f32 or q8")
        }
        return activations
    }
}
