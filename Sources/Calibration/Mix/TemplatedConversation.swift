import Templates
public import TensorCore

extension CalibrationTokens {
    /// How a model's conversations are written: by the chat template of its metadata, plainly where
    /// there is none that can be read.
    ///
    /// - Parameter warn: Told why a template that is there is not used.
    public static func chat(
        of metadata: Metadata, warn: (String) -> Void = { _ in }
    ) -> (CalibrationDocument.Conversation) throws -> [UInt8]? {
        do {
            let template = try ChatTemplate(metadata: metadata)
            _ = try template.render(
                messages: [
                    ChatMessage(role: "user", content: "Hello"),
                    ChatMessage(role: "assistant", content: "Hello"),
                ], addGenerationPrompt: false, now: ChatTemplate.calibrationDate)
            return { template.calibrationText($0) }
        } catch {
            if metadata["tokenizer.chat_template"] != nil {
                warn(
                    "the model's chat template cannot be used, conversations are written without"
                        + " it: \(error)")
            }
            return { _ in nil }
        }
    }
}

extension ChatTemplate {
    /// The day that templates are told.
    fileprivate static let calibrationDate = CalendarTime(year: 2025, month: 1, day: 1)

    /// The text of a conversation of the calibration texts, without an opening for an answer.
    ///
    /// Templates that refuse a system message get its text in front of the first user's. A template
    /// may tell the date: it is told a fixed one, so that files are the same tomorrow.
    ///
    /// - Returns: `nil` where the template refuses the conversation, such as one with tools.
    func calibrationText(_ conversation: CalibrationDocument.Conversation) -> [UInt8]? {
        var options = Options()
        if !conversation.tools.isEmpty { options.tools = .array(conversation.tools) }
        for messages in [conversation.messages, conversation.messagesWithoutSystem] {
            let rendered = try? render(
                messages: messages.compactMap(ChatMessage.init), addGenerationPrompt: false,
                options: options, now: ChatTemplate.calibrationDate)
            if let rendered, !rendered.utf8.isEmpty { return rendered.utf8 }
        }
        return nil
    }
}

extension CalibrationDocument.Conversation {
    /// The messages, a system message put in front of the first one of the user.
    fileprivate var messagesWithoutSystem: [JSON] {
        guard messages.count > 1, messages[0]["role"]?.text == "system",
            let system = messages[0]["content"]?.bytes, let user = messages[1]["content"]?.bytes
        else { return messages }
        let content = JSON.string(ByteString(bytes: system.bytes + Array("\n\n".utf8) + user.bytes))
        let first = JSON.object([
            JSON.Member(key: "role", value: .string("user")),
            JSON.Member(key: "content", value: content),
        ])
        return [first] + messages.dropFirst(2)
    }
}
