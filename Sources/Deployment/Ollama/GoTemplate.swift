import Templates
import TensorCore

/// A model's chat template in Go's language, which versions of Ollama need that run no Jinja.
///
/// Conversations are given to the template that the model has, and what it puts between messages is
/// read off: before the first, and between one role and the next. A template that this does not
/// describe is refused. Tools and thoughts are left out.
public struct GoTemplate: Sendable {
    /// The template.
    public let text: String

    /// What stands before a message, by the role of the one before it.
    private struct Joint: Hashable {
        /// Empty before the first message.
        let before: String
        let role: String
    }

    /// Makes the template of a model.
    ///
    /// - Throws: `DeploymentError` where there is none or it says more than can be said here,
    ///   `TemplateError` where it cannot be read.
    public init(_ model: ModelFacts) throws {
        guard ChatTemplate.exists(in: model.metadata) else {
            throw DeploymentError(
                file: model.path, problem: "has no chat template that a TEMPLATE could be made of",
                remedy: "Leave --template out.")
        }
        let probe = Probe(
            template: try ChatTemplate(metadata: model.metadata, path: model.path),
            leading: model.addsBOS ? model.controlToken("bos") : nil)
        var joints: [Joint: String] = [:]
        var prompt: String?
        // The first tell what there is, the rest whether that is all.
        for roles in [["user"], ["system", "user"], ["user", "assistant", "user"]] {
            guard let parts = try probe.parts(of: roles) else { continue }
            for (index, role) in roles.enumerated() {
                let joint = Joint(before: index == 0 ? "" : roles[index - 1], role: role)
                joints[joint] = joints[joint] ?? parts[index]
            }
            prompt = prompt ?? parts.last
        }
        let first = Joint(before: "", role: "user")
        guard let prompt, joints[first] != nil,
            joints[.init(before: "user", role: "assistant")] != nil,
            try GoTemplate.describes(probe, joints, prompt)
        else {
            throw DeploymentError(
                file: model.path, place: ChatTemplate.key,
                problem: "does not put the same text around a message wherever it stands, which a"
                    + " TEMPLATE here would have to say",
                remedy: "Leave --template out: recent versions of Ollama run the model's own.")
        }
        text = GoTemplate.written(joints, prompt)
    }

    /// Whether all conversations are as the joints say.
    private static func describes(
        _ probe: Probe, _ joints: [Joint: String], _ prompt: String
    ) throws -> Bool {
        let turns = ["user", "assistant", "user", "assistant", "user"]
        var conversations = [["user"], Array(turns.prefix(3)), turns]
        if joints[.init(before: "", role: "system")] != nil {
            conversations += [
                ["system", "user"], ["system"] + turns.prefix(3), ["system"] + turns,
            ]
        }
        for roles in conversations {
            var expected: [String?] = roles.indices.map {
                joints[.init(before: $0 == 0 ? "" : roles[$0 - 1], role: roles[$0])]
            }
            expected.append(prompt)
            let found = try probe.parts(of: roles)
            let later = try probe.parts(of: roles, later: true)
            guard found?.map(Optional.some) == expected, later == found else { return false }
        }
        return true
    }

    private static func written(_ joints: [Joint: String], _ prompt: String) -> String {
        func say(_ before: String, _ role: String) -> String? {
            joints[.init(before: before, role: role)].map {
                $0.isEmpty ? "" : "{{ \(quoted($0)) }}"
            }
        }
        var lines = ["{{- $before := \"\" }}", "{{- range .Messages }}"]
        var branch = "if"
        if let system = say("", "system") {
            lines.append("{{- if eq .Role \"system\" }}\(system){{ .Content }}")
            branch = "else if"
        }
        var user = "{{ if eq $before \"\" }}\(say("", "user") ?? "")"
        if let afterSystem = say("system", "user") {
            user += "{{ else if eq $before \"system\" }}\(afterSystem)"
        }
        user += "{{ else }}\(say("assistant", "user") ?? ""){{ end }}{{ .Content }}"
        lines += [
            "{{- \(branch) eq .Role \"user\" }}\(user)",
            "{{- else if eq .Role \"assistant\" }}\(say("user", "assistant") ?? ""){{ .Content }}",
            "{{- end }}", "{{- $before = .Role }}", "{{- end }}",
            "{{- if ne $before \"assistant\" }}"
                + (prompt.isEmpty ? "" : "{{ \(quoted(prompt)) }}") + "{{ end }}",
        ]
        return lines.joined(separator: "\n")
    }

    /// A string constant of Go.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count == 1 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// Gives conversations to a template.
private struct Probe {
    let template: ChatTemplate
    /// What the tokenizer puts in front by itself.
    let leading: String?

    /// What stands before, between and behind the messages; `nil` where the template refuses them or
    /// does not show each as it is, in order.
    ///
    /// - Parameter later: Whether it is another day.
    func parts(of roles: [String], later: Bool = false) throws -> [String]? {
        let contents = roles.indices.map { "Message\($0)of\(roles[$0])" }
        let messages = zip(roles, contents).map { ChatMessage(role: $0, content: $1) }
        let rendered: String
        do {
            rendered = try template.render(
                messages: messages, addGenerationPrompt: true,
                now: CalendarTime(
                    year: later ? 2031 : 2026, month: later ? 2 : 11, day: later ? 3 : 20)
            ).text
        } catch {
            guard case .raised = error.kind else { throw error }
            return nil
        }
        var parts: [String] = []
        var rest = rendered[...]
        if let leading, rest.hasPrefix(leading) { rest = rest.dropFirst(leading.count) }
        for content in contents {
            guard let place = rest.firstRange(of: content) else { return nil }
            parts.append(String(rest[..<place.lowerBound]))
            rest = rest[place.upperBound...]
        }
        return parts + [String(rest)]
    }
}

extension ModelFacts {
    /// Whether the tokenizer puts BOS in front of a text by itself.
    fileprivate var addsBOS: Bool {
        metadata["tokenizer.ggml.add_bos_token"]?.boolean
            ?? (metadata["tokenizer.ggml.model"]?.text == "llama")
    }
}
