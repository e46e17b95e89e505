import Quantization

extension CheckpointForm {
    /// Every form, in the order in which help lists them.
    public static let all: [CheckpointForm] = [
        .W4A16, .W4A16_ASYM, .W8A16, .GPTQ, .GPTQ_8BIT, .AWQ,
        .W8A8, .W8A8_STATIC,
        .FP8_DYNAMIC, .FP8, .FP8_BLOCK, .FP8_DEEPSEEK, .MODELOPT_FP8,
        .NVFP4A16, .NVFP4, .MODELOPT_NVFP4, .MXFP4A16, .MXFP4, .MXFP8,
    ]

    /// The form called `name`, whatever its case, and the group size in the name: `W4A16_G64`.
    public static func named(_ name: String) -> (form: CheckpointForm, scope: WeightGrid.Scope?)? {
        let wanted = name.uppercased()
        func find(_ name: String) -> CheckpointForm? {
            all.first { $0.name == name || $0.aliases.contains(name) }
        }
        if let form = find(wanted) { return (form, nil) }
        guard let cut = wanted.lastIndex(of: "_"), let form = find(String(wanted[..<cut])),
            form.takesGroupSize
        else { return nil }
        let rest = wanted[wanted.index(after: cut)...]
        guard rest == "CHANNEL" || rest.hasPrefix("G"),
            let scope = scope(rest == "CHANNEL" ? "channel" : String(rest.dropFirst()))
        else { return nil }
        return (form, scope)
    }

    /// The sizes of groups, for a sentence.
    public static let groupSizes = "32, 64, 128 or channel"

    /// Why a name is none although a form's name begins it: `W4A16_G48`; `nil` for other names.
    public static func groupFault(in name: String) -> String? {
        let wanted = name.uppercased()
        guard named(wanted) == nil, let cut = wanted.lastIndex(of: "_"),
            let form = named(String(wanted[..<cut]))?.form
        else { return nil }
        let rest = wanted[wanted.index(after: cut)...]
        guard rest == "CHANNEL" || (rest.hasPrefix("G") && Int(rest.dropFirst()) != nil) else {
            return nil
        }
        return form.takesGroupSize
            ? "\(name) asks for groups of \(rest.dropFirst()), \(form.name) has \(groupSizes)"
            : "\(name) asks for a size of groups, which \(form.name) has not; give \(form.name)"
    }

    /// What shares a scale by the word for it: 32, 64, 128 or channel; `nil` for others.
    public static func scope(_ word: String) -> WeightGrid.Scope? {
        switch word.lowercased() {
        case "channel", "-1": .channel
        case "32": .group(32)
        case "64": .group(64)
        case "128": .group(128)
        default: nil
        }
    }
}

extension WeightGrid.Scope {
    /// The word for it on the command line.
    var word: String {
        switch self {
        case .tensor: "tensor"
        case .channel: "channel"
        case .group(let size): "\(size)"
        case .block(let rows, let columns): "\(rows) × \(columns)"
        }
    }
}
