public import TensorCore

/// A setting that Ollama knows.
public struct ModelfileParameter: Sendable, Hashable {
    /// What a setting's values are.
    public enum Kind: Sendable, Hashable {
        /// A whole number.
        case integer
        /// A number.
        case real
        /// `true` or `false`.
        case boolean
        /// Texts, each in an instruction of its own.
        case texts
    }

    /// The name.
    public let name: String
    /// What its values are.
    public let kind: Kind

    /// All of them.
    ///
    /// Source: Ollama's documentation of Modelfiles and of its API's options.
    public static let all: [ModelfileParameter] =
        [
            "num_ctx", "num_keep", "seed", "num_predict", "top_k", "repeat_last_n", "num_batch",
            "num_gpu", "main_gpu", "num_thread", "draft_num_predict",
        ].map { .init(name: $0, kind: .integer) }
        + [
            "top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty",
            "frequency_penalty",
        ].map { .init(name: $0, kind: .real) }
        + ["use_mmap"].map { .init(name: $0, kind: .boolean) }
        + [.init(name: "stop", kind: .texts)]

    /// The setting called `name`; `nil` where Ollama has none.
    public static func named(_ name: String) -> ModelfileParameter? {
        all.first { $0.name == name.lowercased() }
    }

    /// A value as JSON; `nil` when `text` is no such value.
    public func value(_ text: String) -> JSON? {
        switch kind {
        case .integer: return Int(text).map(JSON.integer)
        case .real:
            guard let number = Double(text), number.isFinite else { return nil }
            return .real(number)
        case .boolean: return text == "true" ? true : text == "false" ? false : nil
        case .texts: return .string(ByteString(text))
        }
    }

    /// What is expected of a value, in words.
    public var expected: String {
        switch kind {
        case .integer: "a whole number"
        case .real: "a number"
        case .boolean: "true or false"
        case .texts: "a text"
        }
    }
}

extension Modelfile {
    /// The settings as one JSON object, those of several values as an array, as Ollama stores them.
    ///
    /// - Throws: `ModelfileError` for a setting that Ollama has not, or another value than it takes.
    public func parameterObject() throws(ModelfileError) -> JSON {
        var members: [JSON.Member] = []
        for entry in entries {
            guard case .parameter(let name, let text) = entry.instruction else { continue }
            guard let parameter = ModelfileParameter.named(name) else {
                throw ModelfileError(
                    line: entry.line, problem: "PARAMETER \(name) is none of Ollama's",
                    remedy:
                        "They are \(ModelfileParameter.all.map(\.name).joined(separator: ", ")).")
            }
            guard let value = parameter.value(text) else {
                throw ModelfileError(
                    line: entry.line,
                    problem: "PARAMETER \(name): \"\(text)\" found, expected \(parameter.expected)")
            }
            let key = ByteString(parameter.name)
            let place = members.firstIndex { $0.key == key }
            guard parameter.kind == .texts else {
                // The last word counts.
                members.removeAll { $0.key == key }
                members.append(JSON.Member(key: key, value: value))
                continue
            }
            let values = place.flatMap { members[$0].value.array } ?? []
            let member = JSON.Member(key: key, value: .array(values + [value]))
            if let place { members[place] = member } else { members.append(member) }
        }
        return .object(members)
    }
}
