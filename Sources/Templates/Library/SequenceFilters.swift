/// Filters of sequences.
enum SequenceFilters {
    static func length(_ interpreter: Interpreter, _ value: Value) throws -> Value {
        switch value {
        case .undefined: .int(0)
        case .text, .list, .tuple, .dict, .view, .range: .int(interpreter.size(value))
        case .loop(let loop): .int(try loop.length())
        default: throw TemplateError.type("object of type '\(value.typeName)' has no len()")
        }
    }

    /// Throws for what Python's `reversed` does not take.
    static func reversible(_ value: Value) throws {
        switch value {
        case .text, .list, .tuple, .dict, .view, .range: break
        case .undefined: break
        default: throw TemplateError.type("'\(value.typeName)' object is not reversible")
        }
    }

    static func fallback(_ value: Value, _ arguments: Arguments) throws -> Value {
        let given = try arguments.bound("default", ["default_value", "boolean"])
        let takesFalse = given[1]?.isTrue ?? false
        if case .undefined = value { return given[0] ?? .string("") }
        return takesFalse && !value.isTrue ? given[0] ?? .string("") : value
    }

    // MARK: Attributes

    /// Looks an attribute up as filters do: `"a.0.b"`.
    struct Getter {
        private let parts: [Value]
        private let fallback: Value?

        init(_ attribute: Value?, fallback: Value? = nil) {
            self.fallback = fallback
            switch attribute {
            case nil, Value.none?: parts = []
            case .text(let text)?:
                parts = text.split(at: 46).map(Getter.part)
            case let other?: parts = [other]
            }
        }

        private static func part(_ text: Text) -> Value {
            guard !text.isEmpty, text.units.allSatisfy(Characters.isDigit),
                let index = Numbers.integer(text)
            else { return .text(text) }
            return .int(index)
        }

        func callAsFunction(_ value: Value, _ interpreter: Interpreter) throws -> Value {
            var value = value
            for part in parts {
                value = try interpreter.item(value, part)
                if let fallback, case .undefined = value { value = fallback }
            }
            return value
        }
    }

    /// What values are ordered by: strings in lower case unless case matters.
    private static func folded(_ value: Value, _ isCaseSensitive: Bool) -> Value {
        guard !isCaseSensitive, case .text(let text) = value else { return value }
        return .text(text.lowercased())
    }

    /// Values in order, equal ones as they came.
    private static func sorted(
        _ interpreter: Interpreter, _ values: [Value], by keys: [Value], reversed: Bool
    ) throws -> [Value] {
        try interpreter.take(8 * values.count)
        let order = try values.indices.sorted { left, right in
            if try interpreter.less(keys[left], keys[right]) { return !reversed }
            if try interpreter.less(keys[right], keys[left]) { return reversed }
            return left < right
        }
        return order.map { values[$0] }
    }

    static func sort(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("sort", ["reverse", "case_sensitive", "attribute"])
        let isCaseSensitive = given[1]?.isTrue ?? false
        var getters = [Getter(given[2])]
        if case .text(let text)? = given[2] {
            getters = text.split(at: 44).map { Getter(.text($0)) }
        }
        let values = try interpreter.elements(of: value)
        let keys = try values.map { value in
            Value.list(
                try getters.map { folded(try $0(value, interpreter), isCaseSensitive) })
        }
        return .list(
            try sorted(interpreter, values, by: keys, reversed: given[0]?.isTrue ?? false))
    }

    static func dictSort(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("dictsort", ["case_sensitive", "by", "reverse"])
        let by = try given[1].map { try interpreter.text($0).string } ?? "key"
        guard by == "key" || by == "value" else {
            throw TemplateError.type("You can only sort by either \"key\" or \"value\"")
        }
        guard case .dict(let dict) = value else {
            if case .undefined(let undefined) = value { throw undefined.error }
            throw TemplateError.type("'\(value.typeName)' object has no attribute 'items'")
        }
        let isCaseSensitive = given[0]?.isTrue ?? false
        let keys = (by == "key" ? dict.keys : dict.values).map { folded($0, isCaseSensitive) }
        return .list(
            try sorted(interpreter, dict.pairs, by: keys, reversed: given[2]?.isTrue ?? false))
    }

    static func unique(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("unique", ["case_sensitive", "attribute"])
        let getter = Getter(given[1])
        return .iterator(
            Iterator("generator", depth: value.depth) {
                var seen: Set<Key> = []
                return try interpreter.elements(of: value).filter { value in
                    let key = try folded(getter(value, interpreter), given[0]?.isTrue ?? false)
                    try interpreter.step(1 + interpreter.size(key) / 16)
                    return seen.insert(try key.key()).inserted
                }
            })
    }

    static func extreme(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments, _ name: String
    ) throws -> Value {
        let given = try arguments.bound(name, ["case_sensitive", "attribute"])
        let getter = Getter(given[1])
        var best: (value: Value, key: Value)?
        for value in try interpreter.elements(of: value) {
            let key = folded(try getter(value, interpreter), given[0]?.isTrue ?? false)
            guard let current = best else {
                best = (value, key)
                continue
            }
            let isBetter =
                name == "min"
                ? try interpreter.less(key, current.key)
                : try interpreter.less(current.key, key, ">", swapped: true)
            if isBetter { best = (value, key) }
        }
        return best?.value ?? .undefined("No aggregated item, sequence was empty.")
    }

    static func sum(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("sum", ["attribute", "start"])
        let getter = Getter(given[0])
        var result = given[1] ?? .int(0)
        if case .text = result {
            throw TemplateError.type("sum() can't sum strings [use ''.join(seq) instead]")
        }
        for value in try interpreter.elements(of: value) {
            result = try interpreter.made(
                interpreter.arithmetic(.add, result, getter(value, interpreter)))
        }
        return result
    }

    static func join(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("join", ["d", "attribute"])
        let separator = try given[0].map { try interpreter.text($0) } ?? Text()
        let getter = Getter(given[1])
        var parts: [Text] = []
        for value in try interpreter.elements(of: value) {
            let part = try interpreter.text(getter(value, interpreter))
            try interpreter.take(part.count + separator.count)
            parts.append(part)
        }
        return .text(separator.joining(parts))
    }

    static func reverse(_ interpreter: Interpreter, _ value: Value) throws -> Value {
        if case .text(let text) = value {
            return .text(Text(units: Array(text.units.reversed()), isMarkup: text.isMarkup))
        }
        switch value {
        case .iterator: return .list(try interpreter.elements(of: value).reversed())
        case .list, .tuple, .dict, .view, .range, .undefined: break
        default: throw TemplateError.type("argument must be iterable")
        }
        let elements = try interpreter.elements(of: value)
        return .iterator(
            Iterator("list_reverseiterator", depth: value.depth) { elements.reversed() })
    }

    static func groupBy(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound(
            "groupby", ["attribute", "default", "case_sensitive"], required: 1)
        var fallback = given[1]
        if case .none? = fallback { fallback = nil }
        let getter = Getter(given[0], fallback: fallback)
        let isCaseSensitive = given[2]?.isTrue ?? false
        let values = try interpreter.elements(of: value)
        let keys = try values.map { folded(try getter($0, interpreter), isCaseSensitive) }
        let ordered = try sorted(interpreter, values, by: keys, reversed: false)
        var groups: [(key: Value, name: Value, values: [Value])] = []
        for value in ordered {
            let name = try getter(value, interpreter)
            let key = folded(name, isCaseSensitive)
            if let last = groups.last, try interpreter.equal(last.key, key) {
                groups[groups.count - 1].values.append(value)
            } else {
                groups.append((key, name, [value]))
            }
        }
        return .list(
            groups.map {
                .tuple(Items([$0.name, .list($0.values)], names: ["grouper", "list"]))
            })
    }

    static func batch(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("batch", ["linecount", "fill_with"], required: 1)
        let count = try StringMethods.integer(given[0], 1)
        let values = try interpreter.elements(of: value)
        return .iterator(
            Iterator("generator", depth: value.depth + 1) {
                var rows: [[Value]] = []
                var row: [Value] = []
                for value in values {
                    if row.count == count {
                        rows.append(row)
                        row = []
                    }
                    row.append(value)
                }
                if !row.isEmpty {
                    if let fill = filling(given[1]), row.count < count {
                        try interpreter.take(4 * (count - row.count))
                        row += [Value](repeating: fill, count: count - row.count)
                    }
                    rows.append(row)
                }
                return rows.map(Value.list)
            })
    }

    private static func filling(_ value: Value?) -> Value? {
        if case .none? = value { return nil }
        return value
    }

    static func slice(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("slice", ["slices", "fill_with"], required: 1)
        let count = try StringMethods.integer(given[0], 1)
        let values = try interpreter.elements(of: value)
        return .iterator(
            Iterator("generator", depth: value.depth + 1) {
                guard count != 0 else {
                    throw TemplateError.type("integer division or modulo by zero")
                }
                guard count > 0 else { return [] }
                try interpreter.take(8 * count)
                var start = 0
                return (0..<count).map { number in
                    let hasExtra = number < values.count % count
                    let end = start + values.count / count + (hasExtra ? 1 : 0)
                    var slice = Array(values[start..<end])
                    if !hasExtra, let fill = filling(given[1]) { slice.append(fill) }
                    start = end
                    return .list(slice)
                }
            })
    }

    // MARK: Map and select

    static func map(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        .iterator(
            Iterator("generator", depth: value.depth + 2) {
                guard value.isTrue else { return [] }
                let change = try change(interpreter, arguments)
                return try interpreter.elements(of: value).map {
                    try interpreter.step(1)
                    return try change($0)
                }
            })
    }

    private static func change(
        _ interpreter: Interpreter, _ arguments: Arguments
    ) throws -> (Value) throws -> Value {
        if arguments.positional.isEmpty,
            let attribute = arguments.keywords.first(where: { $0.name == "attribute" })
        {
            let other = arguments.keywords.first { !["attribute", "default"].contains($0.name) }
            if let other {
                throw TemplateError.type("Unexpected keyword argument '\(other.name)'")
            }
            let fallback = arguments.keywords.first { $0.name == "default" }
            let getter = Getter(attribute.value, fallback: filling(fallback?.value))
            return { try getter($0, interpreter) }
        }
        guard let first = arguments.positional.first else {
            throw TemplateError.type("map requires a filter argument")
        }
        let name = try interpreter.text(first).string
        let rest = Arguments(
            positional: Array(arguments.positional.dropFirst()), keywords: arguments.keywords)
        return { try interpreter.filter(name, $0, rest) }
    }

    static func select(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments, keeps: Bool,
        byAttribute: Bool
    ) throws -> Value {
        .iterator(
            Iterator("generator", depth: value.depth) {
                guard value.isTrue else { return [] }
                var positional = arguments.positional[...]
                if byAttribute, positional.isEmpty {
                    throw TemplateError.type("Missing parameter for attribute name")
                }
                let getter = Getter(byAttribute ? positional.popFirst() : nil)
                let name = try positional.popFirst().map { try interpreter.text($0).string }
                let rest = Arguments(
                    positional: Array(positional), keywords: arguments.keywords)
                return try interpreter.elements(of: value).filter {
                    try interpreter.step(1)
                    let tested = try getter($0, interpreter)
                    let holds =
                        try name.map { try interpreter.test($0, tested, rest) } ?? tested.isTrue
                    return holds == keeps
                }
            })
    }
}
