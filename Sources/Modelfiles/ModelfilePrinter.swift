extension Modelfile {
    /// The text that reads as these instructions.
    ///
    /// - Throws: `ModelfileError` for a value that no text can hold: an empty word where one is needed,
    ///   one with `"""` before the end of a line, with a carriage return, or a role or name that is
    ///   none.
    /// - Complexity: O(length of the text).
    public func written() throws(ModelfileError) -> String {
        var text = ""
        for instruction in instructions {
            text += try Modelfile.line(instruction) + "\n"
        }
        // What is written is what is read, or it is not written.
        guard try Modelfile(parsing: Array(text.utf8)) == self else {
            throw ModelfileError(
                line: 0, problem: "a value cannot be written: it holds what ends it before its end")
        }
        return text
    }

    private static func line(_ instruction: Instruction) throws(ModelfileError) -> String {
        switch instruction {
        case .parameter(let name, let value): "PARAMETER \(name) \(quoted(value))"
        case .message(let role, let content): "MESSAGE \(role) \(quoted(content))"
        case .from(let value), .template(let value), .system(let value), .adapter(let value),
            .license(let value), .requires(let value), .renderer(let value), .parser(let value),
            .draft(let value):
            "\(instruction.word) \(quoted(value))"
        }
    }

    /// A value as it is, or in quotation marks where it would not be read as it is.
    private static func quoted(_ value: String) -> String {
        let isPlain =
            !value.isEmpty && value.first != "\"" && value.first?.isWhitespace == false
            && value.last?.isWhitespace == false && !value.contains(where: \.isNewline)
        return isPlain ? value : "\"\"\"\(value)\"\"\""
    }
}
