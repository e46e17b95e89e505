public import TensorCore

extension Grammar {
    /// A function that can be called.
    public struct Call: Sendable {
        /// Its name.
        public var name: String
        /// The schema of its arguments.
        public var parameters: JSON

        /// Describes a function.
        public init(name: String, parameters: JSON) {
            self.name = name
            self.parameters = parameters
        }
    }

    /// Calls of functions, `{"name": …, "arguments": …}`, each with arguments that its schema allows.
    ///
    /// - Parameters:
    ///   - argumentsKey: The name of the member with the arguments.
    ///   - suffix: What stands after the last call.
    ///   - separator: What stands between two; `nil` for exactly one call.
    /// - Throws: `GrammarError` with the keyword and the path to it.
    public init(
        calls: [Call], argumentsKey: String, suffix: String, separator: String?
    ) throws(GrammarError) {
        let rules = try Grammar.rules(calls, argumentsKey)
        let more =
            separator.map { Pattern.any(.sequence([.text($0), .rule("call")])) } ?? .empty
        try self.init(
            rules: [("root", .sequence([.rule("call"), more, .text(suffix)]))] + rules,
            root: "root")
    }

    /// Any text, in which such a call stands after each marker.
    ///
    /// - Parameters:
    ///   - opening: What begins a call: ASCII, its first character only there.
    ///   - closing: What ends it. There may be a line break before and after the call.
    ///   - allowsSeveral: Whether text and calls go on after the first; else the text ends.
    /// - Throws: `GrammarError` with the keyword and the path to it.
    public init(
        textWith calls: [Call], argumentsKey: String, opening: String, closing: String,
        allowsSeveral: Bool
    ) throws(GrammarError) {
        let marker = Array(opening.unicodeScalars)
        func some(_ scalars: Unicode.Scalar...) -> [ClosedRange<UInt32>] {
            ScalarSet.normalized(scalars.map { $0.value...$0.value })
        }
        var rules: [(String, Pattern)] = []
        for (index, scalar) in marker.enumerated() {
            // So much of the marker stands at the text's end.
            var choices: [Pattern] = [.empty]
            let next = index + 1 == marker.count ? "called" : "after \(index + 1)"
            choices.append(.sequence([.scalars(some(scalar)), .rule(next)]))
            if index > 0 {
                choices.append(.sequence([.scalars(some(marker[0])), .rule("after 1")]))
            }
            let others = ScalarSet.complement(some(scalar, marker[0]))
            choices.append(.sequence([.scalars(others), .rule("after 0")]))
            rules.append(("after \(index)", .choice(choices)))
        }
        let newline = Pattern.optional(.text("\n"))
        rules.append(
            (
                "called",
                .sequence([
                    newline, .rule("call"), newline, .text(closing),
                    allowsSeveral ? .rule("after 0") : .empty,
                ])
            ))
        try self.init(
            rules: rules + Grammar.rules(calls, argumentsKey), root: "after 0")
    }

    /// The rule `call` and what it uses.
    private static func rules(
        _ calls: [Call], _ argumentsKey: String
    ) throws(GrammarError) -> [(name: String, pattern: Pattern)] {
        var definitions: [(name: String, pattern: Pattern)] = []
        var choices: [Pattern] = []
        for (index, call) in calls.enumerated() {
            var reader = JSONSchemaReader(root: call.parameters, scope: "call \(index) ")
            let arguments: Pattern
            do {
                arguments = try reader.pattern(call.parameters, "#")
            } catch var error {
                error.place = "\(call.name) \(error.place ?? "")"
                throw error
            }
            definitions += reader.definitions
            let name = JSON.string(ByteString(call.name)).writtenCompactly()
            choices.append(
                .sequence([
                    .text("{\"name\": "), .literal(name), .text(", \"\(argumentsKey)\": "),
                    arguments,
                    .text("}"),
                ]))
        }
        return [("call", .choice(choices))] + JSONPatterns.rules + definitions
    }
}
