import TensorCore

extension Grammar {
    /// What tells a call from the text around it.
    public struct Marker: Sendable, Hashable {
        /// What it reads.
        public var text: String
        /// Whether it is one token that no text becomes.
        public var isControl: Bool

        /// Describes a marker.
        ///
        /// - Parameter text: ASCII; its first character comes only once where it is no control token.
        public init(_ text: String, isControl: Bool) {
            self.text = text
            self.isControl = isControl
        }

        /// What a control token is among the bytes of a text: no text has such a byte.
        public static func bytes(ofControl text: some Sequence<UInt8>) -> [UInt8] { [0xFF] + text }

        fileprivate var pattern: Pattern {
            isControl ? .literal(Marker.bytes(ofControl: text.utf8)) : .text(text)
        }
    }

    /// How a model writes calls into its text.
    public enum CallSyntax: Sendable, Hashable {
        /// Each between two markers, anywhere. There may be a line break before and after it.
        case enclosed(opening: Marker, closing: Marker)
        /// After a marker a list of calls, or a name, a marker and arguments, perhaps with an
        /// identifier between them; nothing follows the last.
        case listed(opening: Marker, identifier: Marker, arguments: Marker)
        /// An answer is calls, perhaps after a marker, with a semicolon between them, or text. Text
        /// begins with no brace.
        case whole(tag: Marker)
    }

    /// Any text, in which calls of functions stand as a model writes them, each with arguments that
    /// its schema allows.
    ///
    /// - Parameters:
    ///   - argumentsKey: The name of the member with the arguments.
    ///   - controls: Control tokens that may stand in the text.
    ///   - allowsSeveral: Whether more than one call may be made.
    /// - Throws: `GrammarError` with the keyword and the path to it.
    public init(
        textWith calls: [Call], argumentsKey: String, syntax: CallSyntax, controls: [String] = [],
        allowsSeveral: Bool
    ) throws(GrammarError) {
        var rules = try Grammar.rules(calls, argumentsKey)
        let others = controls.map { Marker($0, isControl: true).pattern }
        switch syntax {
        case .enclosed(let opening, let closing):
            let newline = Pattern.optional(.text("\n"))
            rules += Grammar.text(upTo: opening, orAny: others)
            rules.append(
                (
                    "called",
                    .sequence([
                        newline, .rule("call"), newline, closing.pattern,
                        allowsSeveral ? .rule("after 0") : .empty,
                    ])
                ))
        case .listed(let opening, let identifier, let arguments):
            rules += Grammar.text(upTo: opening, orAny: others)
            rules += Grammar.listed(
                calls, opening, identifier, arguments, allowsSeveral: allowsSeveral)
        case .whole(let tag):
            rules += Grammar.whole(tag, orAny: others, allowsSeveral: allowsSeveral)
        }
        try self.init(rules: rules, root: "after 0")
    }

    private static func some(_ scalars: Unicode.Scalar...) -> [ClosedRange<UInt32>] {
        ScalarSet.normalized(scalars.map { $0.value...$0.value })
    }

    /// The rules `after n`: text of which so much of a marker stands at its end.
    ///
    /// `called` comes after the marker.
    private static func text(
        upTo opening: Marker, orAny others: [Pattern]
    ) -> [(name: String, pattern: Pattern)] {
        let controls = others.map { Pattern.sequence([$0, .rule("after 0")]) }
        guard !opening.isControl else {
            return [
                (
                    "after 0",
                    .choice(
                        [
                            .empty, .sequence([.scalars(ScalarSet.all), .rule("after 0")]),
                            .sequence([opening.pattern, .rule("called")]),
                        ] + controls)
                )
            ]
        }
        let marker = Array(opening.text.unicodeScalars)
        return marker.enumerated().map { index, scalar in
            let next = index + 1 == marker.count ? "called" : "after \(index + 1)"
            var choices: [Pattern] = [.empty, .sequence([.scalars(some(scalar)), .rule(next)])]
            if index > 0 {
                choices.append(.sequence([.scalars(some(marker[0])), .rule("after 1")]))
            }
            let rest = ScalarSet.complement(some(scalar, marker[0]))
            choices.append(.sequence([.scalars(rest), .rule("after 0")]))
            return ("after \(index)", .choice(choices + controls))
        }
    }

    /// The rule `called`: a list of calls, or calls by name.
    private static func listed(
        _ calls: [Call], _ opening: Marker, _ identifier: Marker, _ arguments: Marker,
        allowsSeveral: Bool
    ) -> [(name: String, pattern: Pattern)] {
        func more(_ pattern: Pattern) -> Pattern { allowsSeveral ? .any(pattern) : .empty }
        let blank = Pattern.optional(.text(" "))
        let letters = ScalarSet.normalized([0x30...0x39, 0x41...0x5A, 0x61...0x7A])
        let identified = Pattern.optional(
            .sequence([identifier.pattern, .repetition(.scalars(letters), minimum: 9, maximum: 9)]))
        let named = calls.enumerated().map { index, call in
            Pattern.sequence([
                .literal(Array(call.name.utf8)), identified, arguments.pattern,
                .rule("arguments \(index)"),
            ])
        }
        return [
            ("named", .choice(named)),
            (
                "called",
                .choice([
                    .sequence([
                        blank, .text("["), .rule("call"),
                        more(.sequence([.text(","), blank, .rule("call")])), .text("]"),
                    ]),
                    .sequence([
                        .rule("named"), more(.sequence([opening.pattern, .rule("named")])),
                    ]),
                ])
            ),
        ]
    }

    /// The rules of an answer that is calls or text.
    private static func whole(
        _ tag: Marker, orAny others: [Pattern], allowsSeveral: Bool
    ) -> [(name: String, pattern: Pattern)] {
        let blanks: [ClosedRange<UInt32>] = some(" ", "\n", "\r", "\t")
        let called = Pattern.sequence([
            .rule("call"), allowsSeveral ? .any(.sequence([.text("; "), .rule("call")])) : .empty,
        ])
        func goOn(_ ranges: [ClosedRange<UInt32>]) -> Pattern {
            .sequence([.scalars(ScalarSet.complement(ranges)), .rule("text")])
        }
        let start = ScalarSet.normalized(some("{") + blanks)
        var rules: [(name: String, pattern: Pattern)] = [
            (
                "text",
                .any(.choice([.scalars(ScalarSet.all)] + others))
            )
        ]
        var first: [Pattern] = [
            .empty, .sequence([.scalars(blanks), .rule("after 0")]), called,
        ]
        first += others.map { .sequence([$0, .rule("after 0")]) }
        if tag.isControl {
            first += [.sequence([tag.pattern, called]), goOn(start)]
        } else {
            // So much of the marker stands at the answer's beginning.
            let marker = Array(tag.text.unicodeScalars)
            for (index, scalar) in marker.enumerated() {
                let next = index + 1 == marker.count ? called : .rule("tag \(index + 1)")
                let begun = Pattern.sequence([.scalars(some(scalar)), next])
                if index == 0 {
                    first += [begun, goOn(ScalarSet.normalized(start + some(scalar)))]
                } else {
                    rules.append(("tag \(index)", .choice([.empty, begun, goOn(some(scalar))])))
                }
            }
        }
        rules.append(("after 0", .choice(first)))
        return rules
    }
}
