package import TensorCore

/// A call that a model made.
package struct ToolCall: Sendable, Hashable {
    package var identifier: String
    package var name: String
    package var arguments: JSON

    /// As OpenAI's API has it: arguments are JSON in a string.
    var openAI: JSON { .object(members) }

    private var members: [JSON.Member] {
        let text = String(decoding: arguments.writtenCompactly(), as: UTF8.self)
        return [
            JSON.Member(key: "id", value: .text(identifier)),
            JSON.Member(key: "type", value: "function"),
            JSON.Member(
                key: "function", value: ["name": .text(name), "arguments": .text(text)]),
        ]
    }

    /// As a chunk of a stream has it.
    func delta(_ index: Int) -> JSON {
        .object([JSON.Member(key: "index", value: .integer(index))] + members)
    }

    /// As Ollama's API has it: arguments are an object.
    var ollama: JSON { ["function": ["name": .text(name), "arguments": arguments]] }
}

/// Tells the calls in an answer from its text, as it comes.
///
/// What turns out to be no call of a known function is text.
package struct AnswerParser: Sendable {
    package enum Piece: Sendable, Hashable {
        case content(String)
        case thought(String)
        case call(ToolCall)
    }

    private let format: ToolFormat?
    private let names: Set<String>
    private let allowsSeveral: Bool
    private var callCount = 0
    /// Text that may belong to a call.
    private var held: String
    /// Whether the text since the last marker is a call's.
    private var isCall = false
    private var hasContent = false
    /// Tells thoughts from the rest, where the model has any.
    private var thoughts: ThoughtSplitter?

    /// Tells calls as a request wants them, and thoughts.
    init(_ tools: ToolUse?, _ thoughts: ThoughtSplitter?) {
        let tools = tools?.choice == ToolUse.Choice.none ? nil : tools
        self.init(
            format: tools?.format, names: Set(tools?.functions.map(\.name) ?? []),
            allowsSeveral: tools?.allowsSeveral ?? true, beginning: tools?.forcedPrefix ?? "",
            thoughts: thoughts)
    }

    /// Tells calls of some functions.
    ///
    /// - Parameters:
    ///   - beginning: What the answer begins with that does not come.
    ///   - thoughts: What tells thoughts from the rest; `nil` where there are none.
    package init(
        format: ToolFormat?, names: Set<String>, allowsSeveral: Bool, beginning: String,
        thoughts: ThoughtSplitter? = nil
    ) {
        self.thoughts = thoughts
        self.format = format
        self.names = names
        self.allowsSeveral = allowsSeveral
        held = beginning
    }

    /// Adds text.
    package mutating func add(_ text: String) -> [Piece] {
        guard thoughts != nil else { return answer(text) }
        return pieces(thoughts?.add(text) ?? [])
    }

    private mutating func pieces(_ parts: [ThoughtSplitter.Part]) -> [Piece] {
        var result: [Piece] = []
        for part in parts {
            switch part {
            case .thought(let text): result.append(.thought(text))
            case .answer(let text): result += answer(text)
            }
        }
        return result
    }

    private mutating func answer(_ text: String) -> [Piece] {
        guard let format else { return text.isEmpty ? [] : [.content(text)] }
        held += text
        switch format {
        case .hermes: return hermes()
        case .llama:
            // A call is the whole answer; whether it is one, its first character tells.
            let start = held.drop(while: \.isWhitespace)
            if start.isEmpty || !hasContent && Self.beginsCall(start) { return [] }
            return content(takeHeld())
        case .mistral:
            if isCall { return [] }
            return upToMarker("[TOOL_CALLS]")
        }
    }

    /// What is left when nothing more comes.
    package mutating func finish() -> [Piece] {
        let last = pieces(thoughts?.finish() ?? [])
        return last + rest()
    }

    private mutating func rest() -> [Piece] {
        guard let format, !held.isEmpty else { return [] }
        let text = takeHeld()
        switch format {
        case .hermes:
            guard isCall else { return content(text) }
            // An answer that was cut off inside a call.
            return call(text).map { [$0] } ?? content("<tool_call>" + text)
        case .llama:
            let calls = Self.values(
                text.replacingMarker("<|python_tag|>"), separators: ";\n\r\t ")
            let pieces = calls?.compactMap { piece($0) } ?? []
            return pieces.isEmpty || pieces.count != calls?.count ? content(text) : limited(pieces)
        case .mistral:
            guard isCall else { return content(text) }
            let pieces = mistral(text)
            return pieces.isEmpty ? content("[TOOL_CALLS]" + text) : limited(pieces)
        }
    }

    private mutating func takeHeld() -> String {
        defer { held = "" }
        return held
    }

    private mutating func content(_ text: String) -> [Piece] {
        guard !text.isEmpty else { return [] }
        hasContent = true
        return [.content(text)]
    }

    private mutating func limited(_ pieces: [Piece]) -> [Piece] {
        allowsSeveral ? pieces : Array(pieces.prefix(1))
    }

    private static func beginsCall(_ text: Substring) -> Bool {
        let tag = "<|python_tag|>"
        return text.first == "{" || text.hasPrefix(tag) || tag.hasPrefix(text)
    }

    // MARK: Formats

    private mutating func hermes() -> [Piece] {
        var result: [Piece] = []
        while true {
            if !isCall {
                result += upToMarker("<tool_call>")
                guard isCall else { return result }
            }
            guard let end = held.firstRange(of: "</tool_call>") else { return result }
            let inside = String(held[..<end.lowerBound])
            held = String(held[end.upperBound...])
            isCall = false
            if let call = call(inside) {
                result.append(call)
            } else if callCount == 0 || allowsSeveral {
                result += content("<tool_call>" + inside + "</tool_call>")
            }
        }
    }

    private mutating func call(_ text: String) -> Piece? {
        guard allowsSeveral || callCount == 0,
            let json = try? JSON.parse(Array(text.utf8))
        else { return nil }
        return piece(json)
    }

    /// Releases the text before a marker; all that is no beginning of one when there is none.
    ///
    /// White space before a call is no content.
    private mutating func upToMarker(_ marker: String) -> [Piece] {
        if let found = held.firstRange(of: marker) {
            let before = held[..<found.lowerBound]
            let blankCount = before.reversed().prefix(while: \.isWhitespace).count
            held = String(held[found.upperBound...])
            isCall = true
            return content(String(before.dropLast(blankCount)))
        }
        var keptCount = min(held.count, marker.count - 1)
        while keptCount > 0, !held.hasSuffix(marker.prefix(keptCount)) { keptCount -= 1 }
        keptCount += held.dropLast(keptCount).reversed().prefix(while: \.isWhitespace).count
        let text = String(held.dropLast(keptCount))
        held = String(held.suffix(keptCount))
        return content(text)
    }

    private mutating func mistral(_ text: String) -> [Piece] {
        let text = String(text.drop(while: \.isWhitespace))
        if text.hasPrefix("[") {
            return (try? JSON.parse(Array(text.utf8)))?.array?.compactMap { piece($0) } ?? []
        }
        // name[ARGS]{…}, perhaps with an identifier, one marker after the other.
        var result: [Piece] = []
        for part in text.split(marker: "[TOOL_CALLS]") {
            let name = String(part.prefix { $0 != "[" && $0 != "{" })
            guard let start = part.firstIndex(of: "{"), names.contains(name),
                let arguments = try? JSON.parse(Array(part[start...].utf8))
            else { return [] }
            result += [piece(["name": .text(name), "arguments": arguments])].compactMap { $0 }
        }
        return result
    }

    /// The call that an object describes; `nil` when it is none of a known function.
    private mutating func piece(_ json: JSON) -> Piece? {
        guard let format, let name = json["name"]?.text, names.contains(name) else { return nil }
        var arguments = json["arguments"] ?? json["parameters"] ?? .object([])
        if let text = arguments.bytes { arguments = (try? JSON.parse(text.bytes)) ?? .null }
        guard arguments.members != nil else { return nil }
        callCount += 1
        // Mistral's templates want nine characters.
        let identifier =
            format == .mistral ? Identifier.random(9) : "call_" + Identifier.random(24)
        return .call(ToolCall(identifier: identifier, name: name, arguments: arguments))
    }

    /// The JSON objects that a text consists of; `nil` when it is anything else.
    private static func values(_ text: String, separators: String) -> [JSON]? {
        var result: [JSON] = []
        var rest = Array(text.utf8)[...]
        let skipped = Set(separators.utf8)
        while true {
            rest = rest.drop { skipped.contains($0) }
            guard let first = rest.first else { return result.isEmpty ? nil : result }
            guard first == UInt8(ascii: "{"), let end = objectEnd(rest),
                let value = try? JSON.parse(Array(rest[..<end]))
            else { return nil }
            result.append(value)
            rest = rest[end...]
        }
    }

    /// Where the object that begins a text ends.
    private static func objectEnd(_ text: ArraySlice<UInt8>) -> Int? {
        var depth = 0
        var isString = false
        var isEscaped = false
        for (index, byte) in zip(text.indices, text) {
            if isString {
                if isEscaped {
                    isEscaped = false
                } else if byte == 92 {
                    isEscaped = true
                } else if byte == 34 {
                    isString = false
                }
                continue
            }
            switch byte {
            case 34: isString = true
            case 123: depth += 1
            case 125:
                depth -= 1
                if depth == 0 { return index + 1 }
            default: break
            }
        }
        return nil
    }
}

extension String {
    /// The text without a marker at its beginning.
    fileprivate func replacingMarker(_ marker: String) -> String {
        let text = drop(while: \.isWhitespace)
        return String(text.hasPrefix(marker) ? text.dropFirst(marker.count) : text)
    }

    /// The parts between markers.
    fileprivate func split(marker: String) -> [Substring] {
        var result: [Substring] = []
        var rest = self[...]
        while let found = rest.firstRange(of: marker) {
            result.append(rest[..<found.lowerBound])
            rest = rest[found.upperBound...]
        }
        return result + [rest]
    }
}
