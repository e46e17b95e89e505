public import TensorCore

/// A message of a conversation.
public struct ChatMessage: Sendable, Hashable {
    /// The members of the message as OpenAI's API has them: `role`, `content`, `tool_calls`, ….
    public var members: [JSON.Member]

    /// A message of text.
    public init(role: String, content: String) {
        members = [
            JSON.Member(key: "role", value: .string(ByteString(role))),
            JSON.Member(key: "content", value: .string(ByteString(content))),
        ]
    }

    /// A message as an API gives it; `nil` when it is no object.
    ///
    /// Members that are null are left out, as transformers does: many templates print them.
    public init?(_ json: JSON) {
        guard let members = json.members else { return nil }
        self.members = members.filter { !$0.value.isNull }
    }

    /// Names of members that hold an assistant's reasoning, the one that templates read first.
    private static let reasoningNames = ["reasoning_content", "thinking", "reasoning"]
    /// Roles whose names become template text; any other name is a value.
    ///
    /// Some templates make control tokens of them: `'<|' + message['role'] + '|>'`.
    private static let knownRoles: Set<ByteString> = [
        "system", "user", "assistant", "tool", "developer", "function", "ipython", "model",
        "observation", "environment", "documents",
    ]

    /// What templates see.
    var value: Value {
        let object = JSON.object(members)
        let reasoning = Self.reasoningNames.lazy.compactMap { object[$0] }.first
        var pairs: [(key: Value, value: Value)] = []
        if let reasoning, object["thinking"] == nil {
            pairs.append((.string("thinking"), Value(reasoning, isValue: true)))
        }
        for member in members {
            let isKnown =
                member.key == "role" && member.value.bytes.map(Self.knownRoles.contains) == true
            pairs.append(
                (
                    .text(Text(member.key.description, isValue: true)),
                    Value(member.value, isValue: !isKnown)
                ))
        }
        if let reasoning {
            pairs.append((.string("reasoning_content"), Value(reasoning, isValue: true)))
        }
        return (try? Dict(pairs)).map(Value.dict) ?? .none
    }
}
