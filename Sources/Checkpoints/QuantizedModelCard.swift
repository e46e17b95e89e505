import Conversion
import GGUF
import TensorCore

/// The model card of a quantized directory.
struct QuantizedModelCard {
    let text: String

    init(
        _ plan: CheckpointPlan, _ options: CheckpointWriter.Options,
        _ calibration: CheckpointCalibration?
    ) {
        let (model, form) = (plan.model, plan.form)
        let metadata = model.conversion.metadata
        var lines = ["---"]
        for (field, key) in [
            ("license", "license"), ("license_name", "license.name"),
            ("license_link", "license.link"),
        ] {
            if let value = metadata["general.\(key)"]?.text {
                lines.append("\(field): \(QuantizedModelCard.quoted(value))")
            }
        }
        lines += [
            "base_model: \(QuantizedModelCard.quoted(model.name))",
            "base_model_relation: quantized", "library_name: transformers",
            "tags: [\(QuantizedModelCard.quoted(form.name.lowercased()))]", "---", "",
            "# \(model.name) in \(form.name)", "",
            "Linear layers of the blocks are quantized to \(form.name): \(form.purpose)."
                + " Engines: \(form.engines); least compute capability \(form.leastGPU).",
            "",
        ]
        if form.engines.contains("vLLM") {
            lines += ["```sh", "vllm serve PATH_OF_THIS_DIRECTORY", "```", ""]
        }
        lines += [
            "- \(plan.matrixCount) layers quantized, \(plan.byteCount) bytes of tensors",
            "- left alone: \(QuantizedModelCard.summary(plan.ignored))",
            "- rounded \(calibration?.description ?? "to nearest"), by ingot \(options.toolVersion)",
        ]
        if let card = model.card, !card.isEmpty {
            lines += ["", "What follows is the card of the original model.", "", card]
        }
        text = lines.joined(separator: "\n") + "\n"
    }

    /// Modules, those of all blocks as one.
    static func summary(_ modules: [String]) -> String {
        var seen: [String: Int] = [:]
        var order: [String] = []
        for module in modules {
            let key = module.split(separator: ".").map { Int($0) == nil ? String($0) : "N" }
                .joined(separator: ".")
            if seen.updateValue((seen[key] ?? 0) + 1, forKey: key) == nil { order.append(key) }
        }
        return order.map { (seen[$0] ?? 1) > 1 ? "\($0) (\(seen[$0] ?? 1))" : $0 }
            .joined(separator: ", ")
    }

    /// A YAML scalar in quotes.
    private static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.reduce("") { result, scalar in
            switch scalar {
            case "\"", "\\": result + "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F: result + " "
            default: result + String(scalar)
            }
        }
        return "\"\(escaped)\""
    }
}
