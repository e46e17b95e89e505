import Foundation
import GGUF
import Pipeline
import Quantization

/// A format for every free tensor.
struct Mixture: Sendable {
    /// `Q4_K_M` for a recipe's, else how it was found.
    var name: String
    /// The number of the format of each tensor, among the tensor's.
    var choice: [Int]
    /// The recipe whose mixture it is.
    var recipe: Recipe?
    /// The bytes of the whole file.
    var byteCount: Int
}

/// What a mixture is expected to cost, and the mixtures that cost least.
struct Mixtures: Sendable {
    let model: Allocatable
    let errors: RoundingErrors
    /// The harm of a unit of error, by group.
    let sensitivities: [Double]

    /// Takes the geometric mean of the texts' sensitivities, so that none outweighs another by its
    /// level.
    init(_ model: Allocatable, _ errors: RoundingErrors, sensitivities: [[Double]]) {
        self.model = model
        self.errors = errors
        self.sensitivities = sensitivities.map { values in
            guard !values.isEmpty, values.allSatisfy({ $0 > 0 }) else { return 0 }
            let mean = values.reduce(0) { $0 + log($1) } / Double(values.count)
            return rounded(exp(mean))
        }
    }

    private init(_ model: Allocatable, _ errors: RoundingErrors, scaled: [Double]) {
        self.model = model
        self.errors = errors
        sensitivities = scaled
    }

    /// The same with other sensitivities for some groups.
    func scaled(_ factors: [Double]) -> Mixtures {
        Mixtures(
            model, errors, scaled: zip(sensitivities, factors).map { rounded($0 * $1) })
    }

    /// What a tensor's format is expected to add to the divergence.
    func cost(tensor: Int, format: Int) -> Double {
        sensitivities[model.tensors[tensor].group] * errors.values[tensor][format]
    }

    /// The divergence to expect of a choice.
    func predicted(_ choice: [Int]) -> Double {
        choice.indices.reduce(0) { $0 + cost(tensor: $1, format: choice[$1]) }
    }

    /// The choice of least expected divergence in so many bytes.
    ///
    /// - Parameters:
    ///   - least: The smallest format of each tensor that may be taken, by number.
    ///   - formats: Whether a format may be taken at all.
    func best(
        byteLimit: Int, least: [Int]? = nil, where formats: (Format) -> Bool = { _ in true }
    ) -> [Int]? {
        var options: [[Int]] = []
        for (number, tensor) in model.tensors.enumerated() {
            let first = least?[number] ?? 0
            let own = tensor.formats.indices.filter { $0 >= first && formats(tensor.formats[$0]) }
            options.append(own.isEmpty ? Array(tensor.formats.indices.dropFirst(first)) : own)
        }
        let knapsack = FormatKnapsack(
            items: options.enumerated().map { tensor, own in
                own.map {
                    .init(
                        byteCount: model.tensors[tensor].byteCounts[$0],
                        cost: cost(tensor: tensor, format: $0))
                }
            })
        return knapsack.solve(byteLimit: byteLimit - model.fixedByteCount).map {
            zip(options, $0).map { $0[$1] }
        }
    }

    /// A mixture of a choice.
    func mixture(_ name: String, _ choice: [Int]) -> Mixture {
        Mixture(name: name, choice: choice, byteCount: model.byteCount(choice))
    }
}
