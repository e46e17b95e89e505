import ArgumentParser
import Inference
import Reporting
import TensorCore

/// Writes vectors as they come, in one of llama-embedding's forms.
final class EmbeddingWriter {
    /// What the vectors are written as.
    enum Form: String, CaseIterable, ExpressibleByArgument {
        /// A line with the ends of each vector, for people.
        case text = ""
        /// The numbers of a vector to a line.
        case raw
        /// A list of lists.
        case array
        /// An object as OpenAI's API answers with.
        case json
        /// That, with the cosines of all texts to each other.
        case jsonPlus = "json+"
    }

    private let form: Form
    private let file: OutputFile?
    private var offset = 0
    private var count = 0
    /// The vectors so far, where they are compared.
    private var kept: [[Float]] = []
    private let keepLimit: Int

    /// - Parameters:
    ///   - path: A file that appears when it is complete; `nil` for standard output.
    ///   - textCount: How many texts will come.
    init(_ form: Form, path: String?, textCount: Int) throws {
        self.form = form
        file = try path.map { try OutputFile(path: $0) }
        // A table of more does not fit a terminal.
        keepLimit =
            form == .jsonPlus ? .max : form == .text && (2...10).contains(textCount) ? 10 : 0
        switch form {
        case .text, .raw: break
        case .array: try write("[")
        case .json, .jsonPlus: try write("{\n  \"object\": \"list\",\n  \"data\": [")
        }
    }

    /// Writes the vectors of a text: one, or one for every token.
    func add(_ values: [Float], length: Int) throws {
        for start in stride(from: 0, to: values.count, by: max(1, length)) {
            let vector = Array(values[start..<min(values.count, start + length)])
            try write(line(vector))
            if kept.count < keepLimit { kept.append(vector) }
            count += 1
        }
    }

    /// Ends the output.
    func finish() throws {
        switch form {
        case .raw: break
        case .text:
            if kept.count > 1, kept.count == count { try write(cosineTable()) }
        case .array: try write("\n]\n")
        case .json: try write("\n  ]\n}\n")
        case .jsonPlus:
            let rows = kept.map { left in
                "    [" + kept.map { "\(Float(cosine(left, $0)))" }.joined(separator: ", ") + "]"
            }
            try write(
                "\n  ],\n  \"cosineSimilarity\": [\n" + rows.joined(separator: ",\n")
                    + "\n  ]\n}\n")
        }
        try file?.commit(byteCount: offset)
    }

    private func line(_ vector: [Float]) -> String {
        let separator = count == 0 ? "\n" : ",\n"
        switch form {
        case .text:
            let ends =
                vector.count <= 8
                ? vector.map(Self.short).joined(separator: " ")
                : vector.prefix(4).map(Self.short).joined(separator: " ") + " ... "
                    + vector.suffix(4).map(Self.short).joined(separator: " ")
            return "embedding \(count): \(ends) (\(vector.count) numbers)\n"
        case .raw: return vector.map { "\($0)" }.joined(separator: " ") + "\n"
        case .array: return separator + Self.list(vector)
        case .json, .jsonPlus:
            return separator + "    {\"object\": \"embedding\", \"index\": \(count), "
                + "\"embedding\": \(Self.list(vector))}"
        }
    }

    private func cosineTable() -> String {
        "\ncosine similarity:\n\n"
            + kept.map { left in
                kept.map { Self.short(Float(cosine(left, $0))) }.joined(separator: " ") + "\n"
            }.joined()
    }

    private static func list(_ vector: [Float]) -> String {
        "[" + vector.map { "\($0)" }.joined(separator: ", ") + "]"
    }

    /// Six decimals, in a column.
    private static func short(_ value: Float) -> String {
        let text = NumberFormat.fixed(Double(value), 6)
        return String(repeating: " ", count: max(0, 9 - text.count)) + text
    }

    private func write(_ text: String) throws {
        guard let file else { return Terminal.stream(text) }
        let bytes = Array(text.utf8)
        try file.write(bytes, at: offset)
        offset += bytes.count
    }
}
