import Evaluation
import GGUF
import Quantization

extension AllocationReport {
    /// Puts together what was measured and chosen.
    init(
        _ allocator: Allocator, _ chosen: Mixture, _ mixtures: Mixtures,
        trials: [MixtureTrial], reason: String?, memoryByteCount: Int
    ) {
        let model = allocator.model
        byteLimit = allocator.byteLimit
        if case .divergence(let limit) = allocator.request.target { divergenceLimit = limit }
        basis = reason == nil ? "measured" : "estimated"
        self.reason = reason
        texts = allocator.texts.map { text in
            Text(
                name: text.name,
                sensitivityTokens: text.sensitivity.reduce(0) { $0 + $1.tokens.count },
                validationTokens: text.validation.reduce(0) { $0 + $1.tokens.count })
        }
        var groups = model.groups.enumerated().map { number, group in
            Group(
                name: group.name, tensorCount: 0, byteCount: 0, formats: [:],
                sensitivity: mixtures.sensitivities[number], expectedDivergence: 0)
        }
        var tensors: [String: Tensor] = [:]
        for (number, tensor) in model.tensors.enumerated() {
            let option = chosen.choice[number]
            let expected = mixtures.cost(tensor: number, format: option)
            groups[tensor.group].tensorCount += 1
            groups[tensor.group].byteCount += tensor.byteCounts[option]
            groups[tensor.group].formats[tensor.formats[option].name, default: 0] += 1
            groups[tensor.group].expectedDivergence += expected
            var (errors, byteCounts): ([String: Double], [String: Int]) = ([:], [:])
            for (place, format) in tensor.formats.enumerated() {
                errors[format.name] = mixtures.errors.values[number][place]
                byteCounts[format.name] = tensor.byteCounts[place]
            }
            tensors[tensor.description.name] = Tensor(
                group: model.groups[tensor.group].name, errors: errors, byteCounts: byteCounts,
                expectedDivergence: expected)
        }
        self.groups = groups
        self.tensors = tensors
        self.trials = trials.sorted { $0.mixture.byteCount < $1.mixture.byteCount }.map {
            Trial(
                name: $0.mixture.name, byteCount: $0.mixture.byteCount, divergences: $0.divergences)
        }
        self.chosen = chosen.name
        self.memoryByteCount = memoryByteCount
    }
}
