import TensorCore

extension QuantizationConfiguration {
    /// The type of the weights as people call it, with the group's size: `W4A16 g128`, `NVFP4`,
    /// `GPTQ g64`; the method's name where it says no more.
    ///
    /// These are the names by which such directories are written where they can be.
    public var typeName: String {
        switch method {
        case "compressed-tensors": compressedType
        case "gptq", "gptqmodel": integerType("GPTQ")
        case "awq": integerType("AWQ")
        case "auto-round", "auto_round", "intel/auto-round": autoRoundType
        case "mlx", "metal": integerType("MLX")
        case "fp8": json["weight_block_size"]?.array == nil ? "FP8" : "FP8_DEEPSEEK"
        case "modelopt", "modelopt_fp4", "modelopt_mxfp8":
            "MODELOPT_" + (json["quant_algo"]?.text ?? "FP8").uppercased()
        case "bitsandbytes": bitsAndBytesType
        case let other?: other.uppercased()
        case nil: "quantized"
        }
    }

    private var group: String {
        guard let size = (json["group_size"] ?? json["q_group_size"])?.integer, size != 0 else {
            return ""
        }
        return size < 0 ? " channel" : " g\(size)"
    }

    /// Integer codes of the bits that the method is known for, or of others.
    private func integerType(_ name: String) -> String {
        let bits = (json["bits"] ?? json["w_bit"])?.integer ?? 4
        return name + (bits == 4 ? "" : "_\(bits)BIT") + group
    }

    private var bitsAndBytesType: String {
        guard json["load_in_8bit"]?.boolean != true else { return "BNB_INT8" }
        return "BNB_" + (json["bnb_4bit_quant_type"]?.text ?? "nf4").uppercased()
    }

    private var autoRoundType: String {
        let bits = json["bits"]?.integer ?? 4
        switch json["data_type"]?.text?.prefix(5) {
        case "mx_fp": return "AUTOROUND_MXFP\(bits)"
        case "nv_fp": return "AUTOROUND_NVFP\(bits)"
        case "fp": return "AUTOROUND_FP\(bits)"
        default:
            let mixed = json["extra_config"]?.members?.isEmpty == false ? " mixed" : ""
            return "AUTOROUND_W\(bits)A16" + group + mixed
        }
    }

    /// The types of all groups of modules, each once.
    private var compressedType: String {
        var names: [String] = []
        for member in json["config_groups"]?.members ?? [] {
            guard let weights = member.value["weights"], weights.members != nil else { continue }
            let format = (member.value["format"] ?? json["format"])?.text ?? ""
            let name = QuantizationConfiguration.compressedType(
                weights, activations: member.value["input_activations"] ?? .null, format: format)
            if !names.contains(name) { names.append(name) }
        }
        return names.isEmpty ? "COMPRESSED-TENSORS" : names.joined(separator: " + ")
    }

    private static func compressedType(
        _ weights: JSON, activations: JSON, format: String
    ) -> String {
        let bits = weights["num_bits"]?.integer ?? 0
        let isRounded = activations.members != nil
        let isStatic = isRounded && activations["dynamic"]?.boolean == false
        let strategy = weights["strategy"]?.text ?? ""
        if weights["type"]?.text == "float" {
            if bits == 4 {
                return (format.hasPrefix("mxfp4") ? "MXFP4" : "NVFP4") + (isRounded ? "" : "A16")
            }
            if format.hasPrefix("mxfp8") { return "MXFP8" + (isRounded ? "" : "A16") }
            if strategy == "block" { return "FP8_BLOCK" }
            return isStatic ? "FP8" : isRounded ? "FP8_DYNAMIC" : "FP8A16"
        }
        let taken = isRounded ? activations["num_bits"]?.integer ?? 8 : 16
        var name = "W\(bits)A\(taken)" + (isStatic ? "_STATIC" : "")
        if weights["symmetric"]?.boolean == false { name += "_ASYM" }
        if let size = weights["group_size"]?.integer, size > 0 { return name + " g\(size)" }
        return name + (strategy == "channel" && bits < 8 ? " channel" : "")
    }
}

extension QuantizationConfiguration {
    /// Whether compressed-tensors has stored blocks of MXFP4 and nothing else.
    public var isMXFP4: Bool { json["format"]?.text == "mxfp4-pack-quantized" }
}
