import TensorCore

/// The layers that a configuration says are stored plain, held against what the tensors show.
///
/// Values are read by the tensors alone. Engines go by the list: a quantized layer in it is taken for a
/// plain one, and a plain layer that is missing for a quantized one.
struct ListedModules {
    private let key: String
    private let label: String
    private let names: Set<String>
    /// What is left of each name when parts before a dot are taken off.
    private let endings: Set<String>
    private let patterns: [NamePattern]
    /// Whether every linear layer that is not listed is meant to be quantized.
    private let coversAll: Bool

    /// Reads the list of a configuration; `nil` for methods without one.
    init?(_ configuration: QuantizationConfiguration) {
        let keys =
            switch configuration.method {
            case "compressed-tensors": ["ignore"]
            case "modelopt": ["ignore", "exclude_modules"]
            case "awq", "fp8": ["modules_to_not_convert"]
            default: [String]()
            }
        guard let key = keys.first(where: { configuration.json[$0]?.array != nil }),
            let entries = configuration.json[key]?.array?.compactMap(\.text)
        else { return nil }
        self.key = key
        label = configuration.label
        names = Set(entries)
        endings = Set(entries.flatMap(ListedModules.endings))
        patterns = entries.compactMap { entry in
            if entry.hasPrefix("re:") { return try? NamePattern("^(?:\(entry.dropFirst(3)))") }
            guard configuration.method == "modelopt", entry.contains("*") else { return nil }
            let escaped = entry.replacing(".", with: "\\.").replacing("*", with: ".*")
            return try? NamePattern("^\(escaped)$")
        }
        coversAll =
            configuration.method == "compressed-tensors"
            && (configuration.json["config_groups"]?.members ?? []).contains { group in
                group.value["targets"]?.array?.contains { $0.text == "Linear" } == true
            }
    }

    /// What the list says otherwise than the tensors, a sentence each.
    ///
    /// - Complexity: O(tensors · patterns).
    func warnings(about tensors: [CheckpointTensor]) -> [String] {
        var (quantized, plain): ([String], [String]) = ([], [])
        for tensor in tensors where tensor.name.hasSuffix(".weight") {
            let module = String(tensor.name.dropLast(".weight".count))
            if tensor.stored == nil {
                if isNamed(module) { quantized.append(module) }
            } else if coversAll, tensor.shape.rank == 2, isLinear(module), !isMeant(module) {
                plain.append(module)
            }
        }
        var warnings: [String] = []
        if let first = quantized.first {
            warnings.append(
                "\(key) in \(label) names \(first)\(others(quantized)), which is quantized: engines"
                    + " take it for plain")
        }
        if let first = plain.first {
            warnings.append(
                "\(key) in \(label) lacks \(first)\(others(plain)), which is plain: engines take it"
                    + " for quantized")
        }
        return warnings
    }

    private func others(_ modules: [String]) -> String {
        modules.count > 1 ? " and \(modules.count - 1) more" : ""
    }

    /// Whether the list names a module, as engines match names.
    private func isNamed(_ module: String) -> Bool {
        names.contains(module) || patterns.contains { (try? $0.occurs(in: module)) == true }
    }

    /// The same with a name that a checkpoint and an engine may begin otherwise.
    private func isMeant(_ module: String) -> Bool {
        if endings.contains(module) { return true }
        return ListedModules.endings(of: module).contains { isNamed($0) || isNamed("model.\($0)") }
    }

    /// The output matrix, or a matrix of a block that is no table.
    private func isLinear(_ module: String) -> Bool {
        guard module != "lm_head" else { return true }
        let parts = module.split(separator: ".")
        return parts.contains { Int($0) != nil }
            && !["embed", "norm", "bias"].contains { parts.last?.contains($0) == true }
    }

    private static func endings(of name: String) -> [String] {
        let parts = name.split(separator: ".")
        return parts.indices.map { parts[$0...].joined(separator: ".") }
    }
}
