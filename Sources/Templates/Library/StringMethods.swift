/// The methods of strings.
enum StringMethods {
    typealias Method = @Sendable (Interpreter, Text, Arguments) throws -> Value

    static let all: [String: Method] = [
        "upper": { _, text, _ in .text(text.uppercased()) },
        "lower": { _, text, _ in .text(text.lowercased()) },
        "casefold": { _, text, _ in .text(text.uppercased().lowercased()) },
        "capitalize": { _, text, _ in .text(text.capitalized()) },
        "title": { _, text, _ in .text(titled(text)) },
        "swapcase": { _, text, _ in
            .text(
                Text(
                    units: text.units.flatMap {
                        Characters.mapped($0, to: Characters.isUpper($0) ? .lower : .upper)
                    }, isMarkup: text.isMarkup))
        },
        "strip": { try strip($1, $2, "strip") },
        "lstrip": { try strip($1, $2, "lstrip", trailing: false) },
        "rstrip": { try strip($1, $2, "rstrip", leading: false) },
        "split": { try split($1, $2) },
        "rsplit": { try rsplit($1, $2) },
        "splitlines": { _, text, arguments in
            let keeps = try arguments.bound("splitlines", ["keepends"])[0]?.isTrue ?? false
            return .list(text.lines(keepsEnds: keeps).map { .text($0) })
        },
        "partition": { try partition($1, $2, fromEnd: false) },
        "rpartition": { try partition($1, $2, fromEnd: true) },
        "startswith": { try affix($1, $2, "startswith", atEnd: false) },
        "endswith": { try affix($1, $2, "endswith", atEnd: true) },
        "removeprefix": { _, text, arguments in
            let prefix = try part(arguments.single("removeprefix"))
            return .text(
                text.starts(with: prefix, at: 0)
                    ? Text(units: text.units[prefix.count...]) : text)
        },
        "removesuffix": { _, text, arguments in
            let suffix = try part(arguments.single("removesuffix"))
            let start = text.count - suffix.count
            return .text(
                !suffix.isEmpty && text.starts(with: suffix, at: start)
                    ? Text(units: text.units[..<start]) : text)
        },
        "replace": { try replace($0, $1, $2) },
        "join": { interpreter, text, arguments in
            try join(interpreter, text, interpreter.elements(of: arguments.single("join")))
        },
        "find": { try find($1, $2, "find", fromEnd: false).map(Value.int) ?? .int(-1) },
        "rfind": { try find($1, $2, "rfind", fromEnd: true).map(Value.int) ?? .int(-1) },
        "index": { try found(find($1, $2, "index", fromEnd: false)) },
        "rindex": { try found(find($1, $2, "rindex", fromEnd: true)) },
        "count": { try count($1, $2) },
        "format": { interpreter, text, arguments in
            .text(try BraceFormat.text(text, arguments, in: interpreter))
        },
        "format_map": { interpreter, text, arguments in
            guard case .dict(let dict) = try arguments.single("format_map") else {
                throw TemplateError.type("format_map() expects a mapping")
            }
            let pairs = zip(dict.keys, dict.values).compactMap { key, value in
                if case .text(let name) = key { (name: name.string, value: value) } else { nil }
            }
            return .text(
                try BraceFormat.text(text, Arguments(keywords: pairs), in: interpreter))
        },
        "center": { try pad($0, $1, $2, "center") { $0 / 2 + ($0 & $1 & 1) } },
        "ljust": { try pad($0, $1, $2, "ljust") { _, _ in 0 } },
        "rjust": { try pad($0, $1, $2, "rjust") { missing, _ in missing } },
        "zfill": { try zfill($0, $1, $2) },
        "expandtabs": { try expandtabs($0, $1, $2) },
        "isalpha": { all($1, $2, Characters.isLetter) },
        "isdigit": { all($1, $2, Characters.isDigit) },
        "isdecimal": { all($1, $2, Characters.isDecimal) },
        "isnumeric": { all($1, $2, Characters.isNumeric) },
        "isalnum": { all($1, $2) { Characters.isLetter($0) || Characters.isNumeric($0) } },
        "isspace": { all($1, $2, Characters.isSpace) },
        "isascii": { _, text, _ in .bool(text.scalars.allSatisfy { $0 < 128 }) },
        "isprintable": { _, text, _ in .bool(text.units.allSatisfy(Characters.isPrintable)) },
        "isidentifier": { _, text, _ in
            .bool(
                text.units.first.map(Characters.startsName) == true
                    && text.units.allSatisfy(Characters.continuesName))
        },
        "isupper": { _, text, _ in .bool(isUpper(text)) },
        "islower": { _, text, _ in .bool(isLower(text)) },
        "istitle": { _, text, _ in .bool(isTitle(text)) },
    ]

    private static func all(
        _ text: Text, _ arguments: Arguments, _ condition: (UInt32) -> Bool
    ) -> Value {
        .bool(!text.isEmpty && text.units.allSatisfy(condition))
    }

    static func isUpper(_ text: Text) -> Bool {
        text.units.contains(where: Characters.isUpper)
            && !text.units.contains { Characters.isLower($0) || Characters.isTitle($0) }
    }

    static func isLower(_ text: Text) -> Bool {
        text.units.contains(where: Characters.isLower)
            && !text.units.contains { Characters.isUpper($0) || Characters.isTitle($0) }
    }

    private static func isTitle(_ text: Text) -> Bool {
        var afterCased = false
        var any = false
        for unit in text.units {
            if Characters.isUpper(unit) || Characters.isTitle(unit) {
                if afterCased { return false }
                (afterCased, any) = (true, true)
            } else if Characters.isLower(unit) {
                if !afterCased { return false }
                any = true
            } else {
                afterCased = false
            }
        }
        return any
    }

    private static func titled(_ text: Text) -> Text {
        var afterCased = false
        var result: [UInt32] = []
        for unit in text.units {
            result += Characters.mapped(unit, to: afterCased ? .lower : .title)
            afterCased = Characters.isCased(unit)
        }
        return Text(units: result, isMarkup: text.isMarkup)
    }

    /// An argument that has to be a string.
    static func part(_ value: Value?) throws -> Text {
        guard case .text(let text)? = value else {
            if case .undefined(let undefined)? = value { throw undefined.error }
            throw TemplateError.type("must be str, not \(value?.typeName ?? "NoneType")")
        }
        return text
    }

    /// An argument that has to be an integer.
    static func integer(_ value: Value?, _ fallback: Int) throws -> Int {
        guard let value else { return fallback }
        guard let number = value.integer else {
            if case .undefined(let undefined) = value { throw undefined.error }
            throw TemplateError.type(
                "'\(value.typeName)' object cannot be interpreted as an integer")
        }
        return number
    }

    private static func strip(
        _ text: Text, _ arguments: Arguments, _ name: String, leading: Bool = true,
        trailing: Bool = true
    ) throws -> Value {
        let set = try arguments.bound(name, ["chars"])[0]
        if case .none? = set {
            return .text(text.stripped(nil, leading: leading, trailing: trailing))
        }
        return .text(
            text.stripped(try set.map { try part($0) }, leading: leading, trailing: trailing))
    }

    // MARK: Splitting

    private static func separator(_ value: Value?) throws -> Text? {
        if case .none? = value { return nil }
        guard let value else { return nil }
        let text = try part(value)
        guard !text.isEmpty else { throw TemplateError.type("empty separator") }
        return text
    }

    private static func split(_ text: Text, _ arguments: Arguments) throws -> Value {
        let given = try arguments.bound("split", ["sep", "maxsplit"])
        let limit = try integer(given[1], -1)
        let most = limit < 0 ? Int.max : limit
        if let separator = try separator(given[0]) {
            var parts: [Value] = []
            var start = 0
            for index in text.indices(of: separator, limit: most) {
                parts.append(.text(Text(units: text.units[start..<index])))
                start = index + separator.count
            }
            return .list(parts + [.text(Text(units: text.units[start...]))])
        }
        var parts: [Value] = []
        var index = 0
        while true {
            while index < text.count, Characters.isSpace(text.units[index]) { index += 1 }
            guard index < text.count else { return .list(parts) }
            if parts.count == most {
                let rest = Text(units: text.units[index...]).stripped(nil, leading: false)
                return .list(parts + [.text(rest)])
            }
            let start = index
            while index < text.count, !Characters.isSpace(text.units[index]) { index += 1 }
            parts.append(.text(Text(units: text.units[start..<index])))
        }
    }

    private static func rsplit(_ text: Text, _ arguments: Arguments) throws -> Value {
        // From the end: split what is reversed, and reverse the parts.
        var reversed = arguments
        func flipped(_ value: Value) -> Value {
            guard case .text(let text) = value else { return value }
            return .text(Text(units: Array(text.units.reversed())))
        }
        reversed.positional = arguments.positional.map(flipped)
        reversed.keywords = arguments.keywords.map { ($0.name, flipped($0.value)) }
        let mirrored = Text(units: Array(text.units.reversed()))
        guard case .list(let parts) = try split(mirrored, reversed) else { return .list([]) }
        return .list(parts.values.reversed().map(flipped))
    }

    private static func partition(
        _ text: Text, _ arguments: Arguments, fromEnd: Bool
    ) throws -> Value {
        guard let separator = try separator(arguments.single("partition")) else {
            throw TemplateError.type("must be str, not NoneType")
        }
        let index =
            fromEnd
            ? text.lastIndex(of: separator, from: 0, to: text.count)
            : text.firstIndex(of: separator)
        guard let index else {
            let empty = Value.text(Text())
            return .tuple(fromEnd ? [empty, empty, .text(text)] : [.text(text), empty, empty])
        }
        return .tuple([
            .text(Text(units: text.units[..<index])), .text(separator),
            .text(Text(units: text.units[(index + separator.count)...])),
        ])
    }

    // MARK: Searching

    /// Python's reading of the bounds of a search.
    private static func bounds(_ start: Value?, _ end: Value?, count: Int) throws -> (Int, Int) {
        func bound(_ value: Value?, _ fallback: Int) throws -> Int {
            if case .none? = value { return fallback }
            let index = try integer(value, fallback)
            return index < 0 ? max(0, index + count) : index
        }
        return (try bound(start, 0), min(try bound(end, count), count))
    }

    private static func affix(
        _ text: Text, _ arguments: Arguments, _ name: String, atEnd: Bool
    ) throws -> Value {
        let given = try arguments.bound(name, ["prefix", "start", "end"], required: 1)
        let (start, end) = try bounds(given[1], given[2], count: text.count)
        let candidates: [Text]
        if case .tuple(let items)? = given[0] {
            candidates = try items.values.map { try part($0) }
        } else {
            guard case .text(let text)? = given[0] else {
                throw TemplateError.type(
                    "\(name) first arg must be str or a tuple of str, not"
                        + " \(given[0]?.typeName ?? "")")
            }
            candidates = [text]
        }
        return .bool(
            candidates.contains { candidate in
                guard start <= end, candidate.count <= end - start else { return false }
                return text.starts(with: candidate, at: atEnd ? end - candidate.count : start)
            })
    }

    private static func find(
        _ text: Text, _ arguments: Arguments, _ name: String, fromEnd: Bool
    ) throws -> Int? {
        let given = try arguments.bound(name, ["sub", "start", "end"], required: 1)
        let (start, end) = try bounds(given[1], given[2], count: text.count)
        let pattern = try part(given[0])
        guard start <= end else { return nil }
        return fromEnd
            ? text.lastIndex(of: pattern, from: start, to: end)
            : text.firstIndex(of: pattern, from: start, to: end)
    }

    private static func found(_ index: Int?) throws -> Value {
        guard let index else { throw TemplateError.type("substring not found") }
        return .int(index)
    }

    private static func count(_ text: Text, _ arguments: Arguments) throws -> Value {
        let given = try arguments.bound("count", ["sub", "start", "end"], required: 1)
        let (start, end) = try bounds(given[1], given[2], count: text.count)
        let pattern = try part(given[0])
        guard start <= end else { return .int(0) }
        if pattern.isEmpty { return .int(end - start + 1) }
        return .int(Text(units: text.units[start..<end]).indices(of: pattern).count)
    }
}
