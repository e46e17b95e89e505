import TensorCore

extension CalibrationDocument.Conversation {
    /// The conversation for a model without a template: the speaker before each turn.
    var plainText: [UInt8] {
        var text: [UInt8] = []
        for message in messages {
            let speaker =
                switch message["role"]?.text {
                case "system": ""
                case "user": "User: "
                case "tool": "Tool: "
                default: "Assistant: "
                }
            text += speaker.utf8
            for call in message["tool_calls"]?.array ?? [] {
                text += call["function"]?.written() ?? []
            }
            text += message["content"]?.bytes?.bytes ?? []
            text += "\n".utf8
        }
        return text
    }
}
