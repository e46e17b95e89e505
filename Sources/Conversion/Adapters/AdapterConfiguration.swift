import TensorCore

/// What `adapter_config.json` of PEFT says about an adapter.
///
/// <https://huggingface.co/docs/peft/package_reference/lora>
struct AdapterConfiguration: Sendable {
    /// The file.
    let path: String
    /// The model that the adapter was trained on: an id on the hub or a path of some computer.
    let baseName: String?
    /// What changes are multiplied by, before they are divided by their rank.
    let alpha: Double
    /// Tokens after which an activated adapter (aLoRA) takes effect; mostly none.
    let invocationTokens: [UInt32]
    /// What the user should know.
    let warnings: [String]
    /// Whether changes are divided by the root of their rank (rsLoRA).
    private let dividesByRoot: Bool
    /// Other numbers for some modules, the first that matches counts.
    private let alphas: [(pattern: NamePattern, alpha: Double)]

    /// Reads the file.
    ///
    /// - Throws: `FileError`, `JSONError`, `PatternError`; `AdapterError` about what is no LoRA of the
    ///   plain kind.
    init(path: String) throws {
        let json = try JSON.parse(path: path)
        self.path = path
        func fault(_ key: String, _ value: JSON?, _ expected: String) -> AdapterError {
            AdapterError(
                .invalidValue(found: value?.kindName ?? "nothing", expected: expected), path: path,
                place: key)
        }
        func number(_ value: JSON?, _ key: String) throws -> Double {
            guard let number = value?.double, number.isFinite, number > 0 else {
                throw fault(key, value, "a positive number")
            }
            return number
        }
        if let kind = json["peft_type"]?.text, kind.uppercased() != "LORA" {
            throw AdapterError(
                .unsupported(
                    found: "an adapter of the kind \(kind) found",
                    remedy: "Merge it with PEFT (merge_and_unload) and convert the model."),
                path: path, place: "peft_type")
        }
        try AdapterConfiguration.refuseVariants(json, path: path)
        baseName = json["base_model_name_or_path"]?.text.flatMap { $0.isEmpty ? nil : $0 }
        alpha = try number(json["lora_alpha"], "lora_alpha")
        dividesByRoot = json["use_rslora"]?.boolean ?? false
        alphas = try (json["alpha_pattern"]?.members ?? []).map { member in
            let value = try number(member.value, "alpha_pattern.\(member.key)")
            return (try NamePattern("^(.*\\.)?(\(member.key))$"), value)
        }
        let tokens = json["alora_invocation_tokens"]?.array ?? []
        invocationTokens = try tokens.map { token in
            guard let id = token.integer.flatMap({ UInt32(exactly: $0) }) else {
                throw fault("alora_invocation_tokens", token, "ids of tokens")
            }
            return id
        }
        if let text = json["invocation_string"]?.text, !text.isEmpty, tokens.isEmpty {
            throw AdapterError(
                .unsupported(
                    found: "an invocation_string without alora_invocation_tokens found",
                    remedy: "Put the ids of its tokens under alora_invocation_tokens."),
                path: path, place: "invocation_string")
        }
        var warnings: [String] = []
        let start = json["init_lora_weights"]?.text?.lowercased() ?? ""
        for method in ["pissa", "olora", "corda"] where start.hasPrefix(method) {
            warnings.append(
                "the adapter began with \(method), which changes the base too: it goes with the base "
                    + "as published only if it was saved with path_initial_model_for_weight_conversion"
            )
        }
        self.warnings = warnings
    }

    /// Kinds of LoRA whose change is not the product of two matrices.
    private static func refuseVariants(_ json: JSON, path: String) throws(AdapterError) {
        let merging = "Merge it with PEFT (merge_and_unload) and convert the model."
        for (key, what) in [
            ("use_dora", "weights with magnitudes of their own (DoRA) found"),
            ("use_qalora", "factors for groups of columns (QALoRA) found"),
            ("lora_bias", "changes with biases (lora_bias) found"),
        ] where json[key]?.boolean == true {
            throw AdapterError(.unsupported(found: what, remedy: merging), path: path, place: key)
        }
        for (key, what) in [
            ("layer_replication", "layers that are repeated found"),
            ("trainable_token_indices", "single tokens that were trained found"),
            ("target_parameters", "parameters of several matrices (experts in one) found"),
        ] {
            guard let value = json[key], !value.isNull, value.array?.isEmpty != true,
                value.members?.isEmpty != true
            else { continue }
            throw AdapterError(.unsupported(found: what, remedy: merging), path: path, place: key)
        }
    }

    /// What a module's change is multiplied by.
    ///
    /// - Parameters:
    ///   - module: Its name in the base model.
    ///   - rank: The number of rows of `lora_A`.
    func scale(of module: String, rank: Int) throws(PatternError) -> Double {
        var alpha = alpha
        for entry in alphas where try entry.pattern.occurs(in: module) {
            alpha = entry.alpha
            break
        }
        return alpha / (dividesByRoot ? Double(rank).squareRoot() : Double(rank))
    }
}
