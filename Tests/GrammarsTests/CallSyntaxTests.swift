import Grammars
import TensorCore
import Testing

/// Calls in free text, as lineages of models write them.
@Suite struct CallSyntaxTests {
    private static let call = Grammar.Call(
        name: "add",
        parameters: [
            "type": "object", "properties": ["x": ["type": "integer"]], "required": ["x"],
        ])

    private func grammar(
        _ syntax: Grammar.CallSyntax, key: String = "arguments", controls: [String] = [],
        allowsSeveral: Bool = true
    ) throws -> Grammar {
        try Grammar(
            textWith: [Self.call], argumentsKey: key, syntax: syntax, controls: controls,
            allowsSeveral: allowsSeveral)
    }

    /// Whether a text may stand as a whole; `‹name›` stands for a control token.
    private func follows(_ text: String, _ grammar: Grammar) -> Bool {
        var matcher = GrammarMatcher(grammar)
        let control = Grammar.Marker.bytes(ofControl: "".utf8)
        let marked = text.replacing("‹", with: "\u{1}").replacing("›", with: "")
        let bytes = marked.utf8.flatMap { (byte: UInt8) -> [UInt8] in byte == 1 ? control : [byte] }
        return matcher.accept(bytes) && matcher.isComplete
    }

    @Test func markersThatAreControlTokens() throws {
        let syntax = Grammar.CallSyntax.enclosed(
            opening: .init("<call>", isControl: true), closing: .init("</call>", isControl: true))
        let several = try grammar(syntax, controls: ["<think>"])
        let good = #"‹<call>›{"name": "add", "arguments": {"x":1}}‹</call>›"#
        for text in ["", "a <call> in words", good, "so: " + good + good, "‹<think>›well " + good] {
            #expect(follows(text, several), "\(text)")
        }
        for text in [
            "‹<call>›", "‹<call>›no", good + "‹</call>›", "‹<other>›",
            #"‹<call>›{"name": "add", "arguments": {"x":"1"}}‹</call>›"#,
        ] {
            #expect(!follows(text, several), "\(text)")
        }
        #expect(!follows(good + good, try grammar(syntax, allowsSeveral: false)))
        #expect(!follows("‹<think>›", try grammar(syntax)))
    }

    @Test(arguments: [true, false]) func lists(_ isControl: Bool) throws {
        func mark(_ text: String) -> String { isControl ? "‹[\(text)]›" : "[\(text)]" }
        let syntax = Grammar.CallSyntax.listed(
            opening: .init("[TOOL_CALLS]", isControl: isControl),
            identifier: .init("[CALL_ID]", isControl: isControl),
            arguments: .init("[ARGS]", isControl: isControl))
        let (opening, arguments) = (mark("TOOL_CALLS"), mark("ARGS"))
        let call = #"{"name": "add", "arguments": {"x":1}}"#
        let several = try grammar(syntax)
        for text in [
            "", "words [1]", opening + "[\(call)]", "so " + opening + "[\(call), \(call)]",
            opening + "add" + arguments + #"{"x":1}"#,
            opening + "add" + mark("CALL_ID") + "abcdefghi" + arguments + #"{"x":1}"# + opening
                + "add" + arguments + #"{"x":2}"#,
        ] {
            #expect(follows(text, several), "\(text)")
        }
        for text in [
            opening, opening + call, opening + "[\(call)] and text",
            opening + "sub" + arguments + #"{"x":1}"#, opening + "add" + arguments + "{}",
            opening + "add" + mark("CALL_ID") + "a" + arguments + #"{"x":1}"#,
        ] {
            #expect(!follows(text, several), "\(text)")
        }
        let one = try grammar(syntax, allowsSeveral: false)
        #expect(
            follows(opening + "[\(call)]", one) && !follows(opening + "[\(call), \(call)]", one))
    }

    @Test func controlTokensAreTokensOfTheirOwn() throws {
        let grammar = try grammar(
            .listed(
                opening: .init("[TOOL_CALLS]", isControl: true),
                identifier: .init("[CALL_ID]", isControl: true),
                arguments: .init("[ARGS]", isControl: true)))
        let call = #"[{"name": "add", "arguments": {"x":1}}]"#
        let pieces = ["", "", "z", "[TOOL_CALLS]", call, ""].map { Array($0.utf8) }
        var constraint = TokenConstraint(
            grammar, trie: TokenTrie(pieces: pieces, ends: [5]), pieces: pieces,
            markers: [0: Grammar.Marker.bytes(ofControl: "[TOOL_CALLS]".utf8)])
        let first = constraint.allowed()
        #expect(first == [true, false, true, true, true, true])
        let taken = [1, 3, 0].map { constraint.accept($0) }
        #expect(taken == [false, true, true])
        let second = constraint.allowed()
        #expect(second == [false, false, false, false, true, false])
        let isCalled = constraint.accept(4)
        #expect(isCalled && constraint.isComplete && constraint.isAtEnd)
    }

    @Test(arguments: [true, false]) func wholeAnswers(_ isControl: Bool) throws {
        let tag = isControl ? "‹<|tag|>›" : "<|tag|>"
        let syntax = Grammar.CallSyntax.whole(tag: .init("<|tag|>", isControl: isControl))
        let call = #"{"name": "add", "parameters": {"x":1}}"#
        let several = try grammar(syntax, key: "parameters")
        for text in [
            "", "words {1}", " <b>", "<|ta", call, "\n" + call, tag + call, call + "; " + call,
        ] {
            #expect(follows(text, several), "\(text)")
        }
        for text in [
            "{", #"{"a": 1}"#, tag + "x", call + " and", #"{"name": "add", "parameters": {}}"#,
        ] {
            #expect(!follows(text, several), "\(text)")
        }
        #expect(
            !follows(
                call + "; " + call, try grammar(syntax, key: "parameters", allowsSeveral: false)))
    }
}
