import TensorCore

/// Python's `json.dumps`, as transformers gives it to templates.
struct JSONText {
    private let interpreter: Interpreter
    private var isASCII = false
    private var sortsKeys = false
    private var indent: Text?
    private var itemSeparator = Text(", ")
    private var keySeparator = Text(": ")
    private var result = Text()

    static func filter(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound(
            "tojson", ["ensure_ascii", "indent", "separators", "sort_keys"])
        var writer = JSONText(interpreter: interpreter)
        writer.isASCII = given[0]?.isTrue ?? false
        writer.sortsKeys = given[3]?.isTrue ?? false
        switch given[1] {
        case nil, Value.none?: break
        case .text(let text)?: writer.indent = text
        case let width?:
            let count = max(0, try StringMethods.integer(width, 0))
            try interpreter.take(count)
            writer.indent = Text(String(repeating: " ", count: count))
        }
        if writer.indent != nil { writer.itemSeparator = Text(",") }
        switch given[2] {
        case nil, Value.none?: break
        case let value?:
            let pair = try interpreter.elements(of: value)
            guard pair.count == 2 else {
                throw TemplateError.type("expected two separators, found \(pair.count)")
            }
            writer.itemSeparator = try StringMethods.part(pair[0])
            writer.keySeparator = try StringMethods.part(pair[1])
        }
        try writer.write(value, level: 0)
        return .text(writer.result)
    }

    private init(interpreter: Interpreter) { self.interpreter = interpreter }

    private mutating func write(_ value: Value, level: Int) throws {
        try interpreter.step(1)
        switch value {
        case .none: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .int(let value): result += String(value)
        case .float(let value): result += JSONText.number(value)
        case .text(let text): try write(text)
        case .list(let items), .tuple(let items): try write(items.values, level: level)
        case .dict(let dict): try write(dict, level: level)
        default:
            throw TemplateError.type(
                "Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return Numbers.text(value)
    }

    private mutating func breakLine(_ level: Int) throws {
        guard let indent else { return }
        try interpreter.take(min(1 << 40, indent.count &* level))
        result += "\n"
        for _ in 0..<level { result += indent }
    }

    private mutating func write(_ values: [Value], level: Int) throws {
        guard !values.isEmpty else { return result += "[]" }
        result += "["
        for (index, value) in values.enumerated() {
            if index > 0 { result += itemSeparator }
            try breakLine(level + 1)
            try write(value, level: level + 1)
        }
        try breakLine(level)
        result += "]"
    }

    private mutating func write(_ dict: Dict, level: Int) throws {
        guard dict.count > 0 else { return result += "{}" }
        var order = Array(0..<dict.count)
        if sortsKeys {
            order = try order.sorted { try interpreter.less(dict.keys[$0], dict.keys[$1]) }
        }
        result += "{"
        for (count, index) in order.enumerated() {
            if count > 0 { result += itemSeparator }
            try breakLine(level + 1)
            switch dict.keys[index] {
            case .text(let text): try write(text)
            case .none: try write(Text("null"))
            case .bool(let value): try write(Text(value ? "true" : "false"))
            case .int(let value): try write(Text(String(value)))
            case .float(let value): try write(Text(JSONText.number(value)))
            case let key:
                throw TemplateError.type(
                    "keys must be str, int, float, bool or None, not \(key.typeName)")
            }
            result += keySeparator
            try write(dict.values[index], level: level + 1)
        }
        try breakLine(level)
        result += "}"
    }

    private mutating func write(_ text: Text) throws {
        try interpreter.take(text.count)
        result += "\""
        for unit in text.units {
            let mark = unit & Text.valueMark
            let scalar = unit & Text.scalarMask
            func escape(_ letter: Unicode.Scalar) {
                result.units += [92 | mark, letter.value | mark]
            }
            switch scalar {
            case 34: escape("\"")
            case 92: escape("\\")
            case 10: escape("n")
            case 13: escape("r")
            case 9: escape("t")
            case 12: escape("f")
            case 8: escape("b")
            case 0..<32: result.units += JSONText.escaped(scalar).map { $0 | mark }
            case 127...:
                guard isASCII, scalar > 127 || isASCII else {
                    result.units.append(unit)
                    continue
                }
                if scalar == 127 {
                    result.units.append(unit)
                } else if scalar < 0x10000 {
                    result.units += JSONText.escaped(scalar).map { $0 | mark }
                } else {
                    let pair = [
                        0xD800 + ((scalar - 0x10000) >> 10), 0xDC00 + ((scalar - 0x10000) & 0x3FF),
                    ]
                    result.units += pair.flatMap(JSONText.escaped).map { $0 | mark }
                }
            default: result.units.append(unit)
            }
        }
        result += "\""
    }

    private static func escaped(_ value: UInt32) -> [UInt32] {
        [92, 117] + Text.hexadecimal(value, width: 4)
    }

    /// The value that a JSON text stands for.
    static func parse(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let text = try StringMethods.part(value)
        try interpreter.take(8 * text.count)
        do {
            return Value(try JSON.parse(Array(text.string.utf8)), isValue: text.hasValue)
        } catch {
            throw TemplateError.type("from_json: \(error.problem) at \(error.place ?? "")")
        }
    }
}

extension Value {
    /// A JSON value; its strings are marked as coming from a value when `isValue`.
    init(_ json: JSON, isValue: Bool) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .int(value)
        case .real(let value): self = .float(value)
        case .string(let text): self = .text(Text(text.description, isValue: isValue))
        case .array(let values): self = .list(values.map { Value($0, isValue: isValue) })
        case .object(let members):
            let pairs = members.map {
                (
                    key: Value.text(Text($0.key.description, isValue: isValue)),
                    value: Value($0.value, isValue: isValue)
                )
            }
            // Strings can be keys always.
            self = (try? Dict(pairs)).map(Value.dict) ?? .none
        }
    }
}
