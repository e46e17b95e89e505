/// A question with several answers, of which a model prefers one.
public struct ChoiceTask: Sendable, Hashable {
    /// The question with each of its answers, whole texts.
    public var texts: [[UInt8]]
    /// For each text the part that a model is given, where it is known.
    ///
    /// What comes after it is scored; otherwise all that the texts do not have in common.
    public var stems: [[UInt8]]?
    /// Whether each answer is right.
    public var isCorrect: [Bool]

    /// Creates a task.
    public init(texts: [[UInt8]], stems: [[UInt8]]? = nil, isCorrect: [Bool]) {
        self.texts = texts
        self.stems = stems
        self.isCorrect = isCorrect
    }
}

/// The forms of task files that llama.cpp's `llama-perplexity` reads.
public enum ChoiceTaskForm: String, Sendable, CaseIterable {
    /// Six lines a task: the context, the number (0 to 3) of the right ending, four endings.
    case hellaswag
    /// Comma-separated lines: a number, a sentence with `_` in it, two choices for it, the number
    /// (1 or 2) of the right one. A sentence with commas stands in double quotes.
    case winogrande
    /// Binary, little-endian: the number of tasks, the place of each, then for every task a
    /// question and two lists of answers with labels, of which the first list is scored.
    case multipleChoice = "multiple-choice"

    /// Reads all tasks of a file.
    ///
    /// - Throws: `EvaluationError` that names the line or byte and what is wrong there.
    public func tasks(_ bytes: [UInt8], path: String) throws(EvaluationError) -> [ChoiceTask] {
        guard !bytes.isEmpty else { throw EvaluationError(.emptyText, path: path) }
        return switch self {
        case .hellaswag: try ChoiceTaskForm.hellaswag(bytes, path)
        case .winogrande: try ChoiceTaskForm.winogrande(bytes, path)
        case .multipleChoice: try ChoiceTaskForm.multipleChoice(bytes, path)
        }
    }

    private static func fault(
        _ found: String, _ expected: String, _ path: String, _ place: String
    ) -> EvaluationError {
        EvaluationError(.invalidTask(found: found, expected: expected), path: path, place: place)
    }

    /// Lines without their ends; the last may lack one.
    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
    }

    private static func number(_ text: ArraySlice<UInt8>) -> Int? {
        Int(String(decoding: text, as: UTF8.self).filter { $0 != " " })
    }

    private static func hellaswag(
        _ bytes: [UInt8], _ path: String
    ) throws(EvaluationError) -> [ChoiceTask] {
        let lines = lines(bytes)
        guard lines.count % 6 == 0 else {
            throw fault(
                "\(lines.count) lines", "six for every task", path, "line \(lines.count)")
        }
        var tasks: [ChoiceTask] = []
        for first in stride(from: 0, to: lines.count, by: 6) {
            guard let right = number(lines[first + 1]), (0...3).contains(right) else {
                throw fault(
                    "\"\(String(decoding: lines[first + 1], as: UTF8.self))\"",
                    "the right ending's number, 0 to 3", path, "line \(first + 2)")
            }
            tasks.append(
                ChoiceTask(
                    texts: (0..<4).map { lines[first] + [0x20] + lines[first + 2 + $0] }.map {
                        Array($0)
                    },
                    isCorrect: (0..<4).map { $0 == right }))
        }
        return tasks
    }

    private static func winogrande(
        _ bytes: [UInt8], _ path: String
    ) throws(EvaluationError) -> [ChoiceTask] {
        var tasks: [ChoiceTask] = []
        for (index, line) in lines(bytes).enumerated() {
            let place = "line \(index + 1)"
            let fields = fields(line)
            guard fields.count == 5 else {
                throw fault("\(fields.count) fields", "5", path, place)
            }
            guard let right = number(fields[4]), (1...2).contains(right) else {
                throw fault(
                    "\"\(String(decoding: fields[4], as: UTF8.self))\"",
                    "the right choice's number, 1 or 2", path, place)
            }
            guard let gap = fields[1].firstIndex(of: UInt8(ascii: "_")) else {
                throw fault("a sentence without a gap", "one with \"_\"", path, place)
            }
            let (before, after) = (fields[1][..<gap], fields[1][(gap + 1)...])
            let stems = [fields[2], fields[3]].map { Array(before) + Array($0) }
            tasks.append(
                ChoiceTask(
                    texts: stems.map { $0 + Array(after) }, stems: stems,
                    isCorrect: [right == 1, right == 2]))
        }
        return tasks
    }

    /// The fields of a line: four commas divide it, of those outside double quotes.
    private static func fields(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var fields: [ArraySlice<UInt8>] = []
        var start = line.startIndex
        var isQuoted = false
        for index in line.indices where fields.count < 4 {
            if line[index] == UInt8(ascii: "\"") { isQuoted.toggle() }
            guard line[index] == UInt8(ascii: ","), !isQuoted else { continue }
            fields.append(line[start..<index])
            start = index + 1
        }
        fields.append(line[start...])
        return fields.enumerated().map { index, field in
            let quote = UInt8(ascii: "\"")
            let isQuoted =
                index == 1 && field.count >= 2 && field.first == quote && field.last == quote
            return isQuoted ? field.dropFirst().dropLast() : field
        }
    }

    private static func multipleChoice(
        _ bytes: [UInt8], _ path: String
    ) throws(EvaluationError) -> [ChoiceTask] {
        var reader = ChoiceTaskReader(bytes: bytes, path: path)
        let count = try reader.count("tasks", limit: bytes.count / 16)
        // The places of the tasks: they follow one another, so nothing needs them.
        try reader.skip(4 * count, "the tasks' places")
        var tasks: [ChoiceTask] = []
        for _ in 0..<count {
            let question = try reader.text("a question")
            let (answers, labels) = try reader.answers()
            _ = try reader.answers()
            guard !question.isEmpty, !answers.isEmpty, !answers.contains(where: \.isEmpty) else {
                throw fault(
                    "an empty question or answer", "text", path, "task \(tasks.count + 1)")
            }
            tasks.append(
                ChoiceTask(
                    texts: answers.map { question + [0x20] + $0 },
                    isCorrect: labels.map { $0 == 1 }))
        }
        return tasks
    }
}

/// Reads the binary form of multiple-choice tasks, every length checked.
private struct ChoiceTaskReader {
    let bytes: [UInt8]
    let path: String
    private var place = 0

    init(bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    private func fault(_ found: String, _ expected: String) -> EvaluationError {
        EvaluationError(
            .invalidTask(found: found, expected: expected), path: path, place: "byte \(place)")
    }

    mutating func skip(_ count: Int, _ what: String) throws(EvaluationError) {
        guard count <= bytes.count - place else {
            throw fault("\(bytes.count - place) bytes for \(what)", "\(count)")
        }
        place += count
    }

    mutating func count(_ what: String, limit: Int) throws(EvaluationError) -> Int {
        let start = place
        try skip(4, "the number of \(what)")
        let value = (0..<4).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
        guard value <= limit else { throw fault("\(value) \(what)", "at most \(limit)") }
        return value
    }

    mutating func text(_ what: String) throws(EvaluationError) -> [UInt8] {
        let count = try count("bytes of \(what)", limit: bytes.count - place)
        let start = place
        try skip(count, what)
        return Array(bytes[start..<start + count])
    }

    mutating func answers() throws(EvaluationError) -> ([[UInt8]], [Int]) {
        let count = try count("answers", limit: 100)
        var answers: [[UInt8]] = []
        for _ in 0..<count { answers.append(try text("an answer")) }
        var labels: [Int] = []
        for _ in 0..<count { labels.append(try self.count("a label", limit: Int(UInt32.max))) }
        return (answers, labels)
    }
}
