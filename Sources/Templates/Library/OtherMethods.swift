/// The methods of dicts that do not change them.
enum DictMethods {
    typealias Method = @Sendable (Interpreter, Dict, Arguments) throws -> Value

    static let all: [String: Method] = [
        "items": { _, dict, _ in .view(View(kind: .items, dict: dict)) },
        "keys": { _, dict, _ in .view(View(kind: .keys, dict: dict)) },
        "values": { _, dict, _ in .view(View(kind: .values, dict: dict)) },
        "copy": { _, dict, _ in .dict(dict) },
        "get": { _, dict, arguments in
            guard arguments.keywords.isEmpty else {
                throw TemplateError.type("dict.get() takes no keyword arguments")
            }
            let given = try arguments.bound("get", ["key", "default"], required: 1)
            return try dict[(given[0] ?? .none).key()] ?? given[1] ?? .none
        },
        "fromkeys": { interpreter, _, arguments in
            try Globals.fromKeys(interpreter, arguments)
        },
    ]
}

/// The methods of lists and tuples that do not change them.
enum SequenceMethods {
    typealias Method = @Sendable (Interpreter, Items, Arguments) throws -> Value

    static let all: [String: Method] = [
        "count": { interpreter, items, arguments in
            let wanted = try arguments.single("count")
            return .int(try items.values.count { try interpreter.equal($0, wanted) })
        },
        "index": { interpreter, items, arguments in
            let given = try arguments.bound("index", ["value", "start", "stop"], required: 1)
            let count = items.values.count
            func bound(_ value: Value?, _ fallback: Int) throws -> Int {
                let index = try StringMethods.integer(value, fallback)
                return min(max(0, index < 0 ? index + count : index), count)
            }
            let (start, stop) = (try bound(given[1], 0), try bound(given[2], count))
            for index in stride(from: start, to: stop, by: 1)
            where try interpreter.equal(items.values[index], given[0] ?? .none) {
                return .int(index)
            }
            throw TemplateError.type("the value is not in the list")
        },
        "copy": { _, items, _ in .list(items.values) },
    ]
}

/// The attributes of numbers.
enum NumberMethods {
    static func attribute(_ value: Value, _ name: String) -> Value? {
        func method(_ result: Value) -> Value {
            .function(
                Function(name) { _, arguments in
                    try arguments.none(name)
                    return result
                })
        }
        if case .float(let number) = value {
            switch name {
            case "is_integer":
                return method(.bool(number.isFinite && number == number.rounded()))
            case "real": return value
            case "imag": return .float(0)
            case "conjugate": return method(value)
            default: return nil
            }
        }
        guard let number = value.integer else { return nil }
        switch name {
        case "bit_length":
            return method(.int(Int.bitWidth - number.magnitude.leadingZeroBitCount))
        case "bit_count": return method(.int(number.magnitude.nonzeroBitCount))
        case "real", "numerator": return .int(number)
        case "imag": return .int(0)
        case "denominator": return .int(1)
        case "conjugate": return method(.int(number))
        default: return nil
        }
    }
}
