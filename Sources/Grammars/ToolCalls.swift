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

    /// The rules `call` and `arguments n`, and what they use.
    static func rules(
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
            definitions.append(("arguments \(index)", arguments))
            let name = JSON.string(ByteString(call.name)).writtenCompactly()
            choices.append(
                .sequence([
                    .text("{\"name\": "), .literal(name), .text(", \"\(argumentsKey)\": "),
                    .rule("arguments \(index)"), .text("}"),
                ]))
        }
        return [("call", .choice(choices))] + JSONPatterns.rules + definitions
    }
}
