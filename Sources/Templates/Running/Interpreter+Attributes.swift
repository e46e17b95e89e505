/// Attributes, items and slices.
extension Interpreter {
    /// `value.name`: an attribute of the value, or the item of that name.
    func attribute(_ value: Value, _ name: String) throws -> Value {
        if case .undefined(let undefined) = value { throw undefined.error }
        if let found = try ownAttribute(value, name) { return found }
        if let found = try ownItem(value, .string(name)) { return found }
        return missing(value, name)
    }

    /// `value[index]`: an item of the value, or the attribute of that name.
    func item(_ value: Value, _ index: Value) throws -> Value {
        if case .undefined(let undefined) = value { throw undefined.error }
        try step(size(index) / 16)
        if let found = try ownItem(value, index) { return found }
        if case .text(let name) = index {
            let name = name.string
            if let found = try ownAttribute(value, name) { return found }
            return missing(value, name)
        }
        return .undefined("\(described(value)) has no element \(try representation(index).string)")
    }

    private func described(_ value: Value) -> String {
        if case .none = value { return "None" }
        return value.typeName + " object"
    }

    private func missing(_ value: Value, _ name: String) -> Value {
        .undefined("'\(described(value))' has no attribute '\(name)'")
    }

    private func unsafe(_ value: Value, _ name: String) -> Value {
        .undefined(
            Undefined(
                message:
                    "access to attribute '\(name)' of '\(value.typeName)' object is unsafe.",
                isUnsafe: true))
    }

    /// What Python's objects have that would lead out of the sandbox.
    private static let internals: Set<String> = [
        "__class__", "__doc__", "__init__", "__eq__", "__ne__", "__repr__", "__str__", "__hash__",
        "__dir__", "__reduce__", "__reduce_ex__", "__getattribute__", "__setattr__",
        "__delattr__", "__format__", "__new__", "__sizeof__", "__subclasshook__",
        "__init_subclass__", "__lt__", "__le__", "__gt__", "__ge__", "__getstate__",
    ]
    private static let mutating: [String: Set<String>] = [
        "dict": ["clear", "pop", "popitem", "setdefault", "update"],
        "list": [
            "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
        ],
    ]

    private func ownAttribute(_ value: Value, _ name: String) throws -> Value? {
        if case .namespace(let namespace) = value {
            guard let found = namespace.attributes[name] else { return nil }
            return found
        }
        if Interpreter.internals.contains(name) { return unsafe(value, name) }
        if Interpreter.mutating[value.typeName]?.contains(name) == true {
            return unsafe(value, name)
        }
        func method(
            _ body: @escaping (Interpreter, Arguments) throws -> Value
        ) -> Value {
            .function(Function(name, depth: value.depth + 1, body))
        }
        switch value {
        case .text(let text):
            guard let body = StringMethods.all[name] else { return nil }
            return method { try $0.method(body, text, $1) }
        case .dict(let dict):
            guard let body = DictMethods.all[name] else { return nil }
            return method { try body($0, dict, $1) }
        case .list(let items), .tuple(let items):
            if let index = items.names.firstIndex(of: name) { return items.values[index] }
            guard let body = SequenceMethods.all[name] else { return nil }
            if name == "copy", case .tuple = value { return nil }
            return method { try body($0, items, $1) }
        case .range(let range):
            switch name {
            case "start": return .int(range.start)
            case "stop": return .int(range.stop)
            case "step": return .int(range.step)
            case "count", "index":
                let items = Items(range.elements)
                return SequenceMethods.all[name].map { body in method { try body($0, items, $1) } }
            default: return nil
            }
        case .int, .bool, .float: return NumberMethods.attribute(value, name).map { $0 }
        case .loop(let loop): return try loop.attribute(name, in: self)
        case .macro(let macro):
            let definition = macro.definition
            switch name {
            case "name": return definition.name.map(Value.string) ?? Value.none
            case "arguments":
                return .tuple(definition.parameters.map { .string($0.name) })
            case "catch_kwargs": return .bool(definition.usesKeywords)
            case "catch_varargs": return .bool(definition.usesRest)
            case "caller": return .bool(definition.usesCaller)
            default: return nil
            }
        case .object(let object): return object.attribute(name)
        default: return nil
        }
    }

    private func method(
        _ body: StringMethods.Method, _ text: Text, _ arguments: Arguments
    ) throws -> Value {
        try step(text.count / 8)
        let result = try made(body(self, text, arguments))
        return text.isMarkup ? marked(result) : result
    }

    /// The texts of a method's result as safe HTML, like the text that the method is of.
    private func marked(_ value: Value) -> Value {
        switch value {
        case .text(let text): .text(Text(units: text.units, isMarkup: true))
        case .list(let items): .list(items.values.map(marked))
        case .tuple(let items): .tuple(items.values.map(marked))
        default: value
        }
    }

    private func ownItem(_ value: Value, _ index: Value) throws -> Value? {
        switch value {
        case .dict(let dict):
            guard let key = try? index.key() else { return nil }
            return dict[key]
        case .list(let items), .tuple(let items):
            return position(index, count: items.values.count).map { items.values[$0] }
        case .text(let text):
            return position(index, count: text.count).map {
                .text(Text(units: [text.units[$0]], isMarkup: text.isMarkup))
            }
        case .range(let range):
            return position(index, count: range.count).map { .int(range[$0]) }
        case .object(let object):
            // `self["block"]`.
            guard object.typeName == "TemplateReference", case .text(let name) = index else {
                return nil
            }
            return object.attribute(name.string)
        default: return nil
        }
    }

    private func position(_ index: Value, count: Int) -> Int? {
        guard let index = index.integer else { return nil }
        let position = index < 0 ? index + count : index
        return (0..<count).contains(position) ? position : nil
    }

    // MARK: Slices

    /// `value[start:stop:step]`.
    func slice(
        _ value: Value, _ start: Value?, _ stop: Value?, _ step: Value?
    ) throws -> Value {
        func bound(_ value: Value?) throws -> Int? {
            guard let value else { return nil }
            if case .none = value { return nil }
            guard let number = value.integer else {
                throw TemplateError.type(
                    "slice indices must be integers or None or have an __index__ method")
            }
            return number
        }
        let count: Int
        switch value {
        case .undefined(let undefined): throw undefined.error
        case .text, .list, .tuple, .range: count = size(value)
        case .dict: throw TemplateError.type("unhashable type: 'slice'")
        default: throw TemplateError.type("'\(value.typeName)' object is not subscriptable")
        }
        let indices = try Interpreter.indices(
            try bound(start), try bound(stop), try bound(step), count: count)
        switch value {
        case .text(let text):
            return .text(Text(units: indices.map { text.units[$0] }, isMarkup: text.isMarkup))
        case .list(let items): return .list(indices.map { items.values[$0] })
        case .tuple(let items): return .tuple(indices.map { items.values[$0] })
        case .range(let range): return try Interpreter.slice(range, indices)
        default: return value
        }
    }

    private static func slice(_ range: Progression, _ indices: StrideTo<Int>) throws -> Value {
        let values = Array(indices)
        guard let first = values.first, let last = values.last else {
            return .range(try Progression(start: range.start, stop: range.start, step: range.step))
        }
        let step = values.count > 1 ? range[values[1]] - range[first] : range.step
        return .range(
            try Progression(start: range[first], stop: range[last] + step, step: step))
    }

    /// The indices that Python's slice takes.
    static func indices(
        _ start: Int?, _ stop: Int?, _ step: Int?, count: Int
    ) throws -> StrideTo<Int> {
        let step = step ?? 1
        guard step != 0 else { throw TemplateError.type("slice step cannot be zero") }
        let (low, high) = step > 0 ? (0, count) : (-1, count - 1)
        func clamped(_ bound: Int?, _ fallback: Int) -> Int {
            guard let bound else { return fallback }
            let shifted = bound < 0 ? bound + count : bound
            return min(max(shifted, low), high)
        }
        // A stride beyond the ends would overflow.
        let width = min(max(step, -count - 1), count + 1)
        return stride(
            from: clamped(start, step > 0 ? low : high),
            to: clamped(stop, step > 0 ? high : low), by: width)
    }
}
