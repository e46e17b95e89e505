/// What a model's name or Hugging Face id tells: `meta-llama/Llama-3.1-8B-Instruct` is by
/// `meta-llama`, based on `Llama-3.1`, has 8 billion parameters and was tuned to instructions.
///
/// Follows GGUF's naming convention
/// (<https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#gguf-naming-convention>) with the
/// heuristics of the reference converter, so that the derived keys agree.
struct ModelName: Equatable {
    /// The name without the organisation.
    var full: String
    var organization: String?
    var basename: String?
    var finetune: String?
    var version: String?
    var sizeLabel: String?

    /// What a part of a name is; the names of GGUF's convention.
    private enum Role { case basename, sizeLabel, finetune, version, type }

    private struct Part {
        var text: String
        var roles: Set<Role> = []
    }

    /// Takes a name apart.
    ///
    /// - Parameter parameterCount: A size in the name that is far from it is not the model's size
    ///   but, say, a context length; 0 believes every size. Of an adapter, which changes a part of a
    ///   model, it is negative: larger sizes are believed.
    init(_ id: String, parameterCount: Int) {
        guard !id.utf8.contains(UInt8(ascii: " ")) else {
            full = id
            return
        }
        if let slash = id.firstIndex(of: "/") {
            organization = String(id[..<slash])
            full = String(id[id.index(after: slash)...])
            // `./model` and `../model` are paths.
            if organization?.hasPrefix(".") ?? false { organization = nil }
        } else {
            full = id
        }
        var parts = full.split(separator: "-").map { Part(text: String($0)) }
        for index in parts.indices {
            ModelName.annotate(&parts[index], isFirst: index == 0, parameterCount)
        }
        ModelName.preferNumericSizes(&parts)
        ModelName.findBasename(&parts)

        func joined(_ role: Role) -> String? {
            let texts = parts.filter { $0.roles.contains(role) }.map(\.text)
            return texts.isEmpty ? nil : texts.joined(separator: "-")
        }
        basename = joined(.basename)
        finetune = joined(.finetune)
        let sizes = parts.filter { $0.roles.contains(.sizeLabel) }.map(\.text)
        let distinct = sizes.enumerated().filter { !sizes[..<$0.offset].contains($0.element) }
        sizeLabel = distinct.isEmpty ? nil : distinct.map(\.element).joined(separator: "-")
        let versions = parts.filter {
            $0.roles.contains(.version) && !$0.roles.contains(.basename)
        }
        version = versions.isEmpty ? nil : versions.map(\.text).joined(separator: "-")
        // A name of one kind of part tells nothing.
        if sizeLabel == nil, finetune == nil, version == nil { basename = nil }
    }

    private static func annotate(_ part: inout Part, isFirst: Bool, _ parameterCount: Int) {
        let text = part.text
        if text.wholeMatch(of: /(?i)(?:v|iter)?[0-9]+(?:\.[0-9]+)*/) != nil {
            part.roles.insert(.version)
        } else if text.wholeMatch(of: /(?i)i?q[0-9](?:_\w)*|b?fp?(?:16|32)/) != nil {
            part.roles.insert(.type)
            part.text = text.uppercased()
        } else if isFirst {
            return
        } else if text.wholeMatch(
            of: /(?i)(?:A|[0-9]+x)?[0-9]+(?:[._][0-9]+)?[KMBT][0-9]?|small|mini|medium|large|x?xl/)
            != nil
        {
            annotateSize(&part, parameterCount)
        } else if text.wholeMatch(of: /(?i)chat|instruct|vision|lora/) != nil {
            let isAdapter = parameterCount < 0 && text.lowercased() == "lora"
            part.roles.insert(isAdapter ? .type : .finetune)
        }
    }

    private static func annotateSize(_ part: inout Part, _ parameterCount: Int) {
        var text = Array(part.text.replacing("_", with: "."))
        if let digit = text.last, digit.isNumber, text.count > 2 {
            // Bloom writes 7b1 for 7.1b.
            let unit = text[text.count - 2]
            text.removeLast(2)
            text += [".", digit, unit]
        }
        if text.count > 1, text[text.count - 2].isNumber, let unit = text.last {
            text[text.count - 1] = Character(unit.uppercased())
        }
        part.roles.insert(.sizeLabel)
        if parameterCount != 0, let unit = text.last,
            let power = ["K", "M", "B", "T"].firstIndex(of: String(unit)),
            let number = Double(String(text.dropLast()))
        {
            let size = (0...power).reduce(number) { value, _ in value * 1000 }
            let far = 7 * (parameterCount / 8) + 7 * (parameterCount % 8) / 8
            if parameterCount > 0
                ? abs(size - Double(parameterCount)) > Double(far)
                : size < Double(parameterCount.magnitude / 8)
            {
                part.roles = [.finetune]
                text[text.count - 1] = Character(unit.lowercased())
            }
        }
        part.text = String(text)
    }

    /// Words like `small` are sizes only where no number is.
    private static func preferNumericSizes(_ parts: inout [Part]) {
        let hasNumber = parts.contains {
            $0.roles.contains(.sizeLabel) && $0.text.contains(where: \.isNumber)
        }
        guard hasNumber else { return }
        for index in parts.indices where parts[index].text.allSatisfy(\.isLetter) {
            parts[index].roles.remove(.sizeLabel)
        }
    }

    /// The base name is all unmarked words and versions in front, without the last versions.
    private static func findBasename(_ parts: inout [Part]) {
        var isInFront = true
        for index in parts.indices {
            let roles = parts[index].roles
            let isWord = roles.isEmpty && parts[index].text.first?.isLetter ?? false
            if isInFront, isWord || roles.contains(.version) {
                parts[index].roles.insert(.basename)
            } else {
                isInFront = false
                if roles.isEmpty { parts[index].roles.insert(.finetune) }
            }
        }
        for index in parts.indices.reversed() {
            guard parts[index].roles.contains(.basename), parts[index].roles.count > 1 else {
                break
            }
            parts[index].roles.remove(.basename)
        }
    }

    /// An id as a title: words that are all lower case get capitals, versions and numbers do not.
    static func title(_ id: String) -> String {
        let words = id.replacing("-", with: " ").split(whereSeparator: \.isWhitespace)
        return words.map { word in
            let isLower =
                word.contains(where: \.isLowercase) && !word.contains(where: \.isUppercase)
            let isVersion =
                word.first?.isNumber ?? false
                || word.wholeMatch(of: /v[0-9]+(?:\.[0-9]+)*/) != nil
            return isLower && !isVersion ? capitalized(word) : String(word)
        }.joined(separator: " ")
    }

    /// Every run of letters starts with a capital: `qwen2moe` becomes `Qwen2Moe`.
    private static func capitalized(_ word: Substring) -> String {
        var result = ""
        var isAfterLetter = false
        for character in word {
            result += isAfterLetter ? character.lowercased() : character.uppercased()
            isAfterLetter = character.isCased
        }
        return result
    }
}
