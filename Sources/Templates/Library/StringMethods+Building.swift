/// Methods that make a string of others.
extension StringMethods {
    static func replace(
        _ interpreter: Interpreter, _ text: Text, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("replace", ["old", "new", "count"], required: 2)
        let limit = try integer(given[2], -1)
        return .text(
            try replaced(
                interpreter, text, try part(given[0]), by: try part(given[1]),
                limit: limit < 0 ? .max : limit))
    }

    static func replaced(
        _ interpreter: Interpreter, _ text: Text, _ old: Text, by new: Text, limit: Int
    ) throws -> Text {
        let new = text.isMarkup ? Markup.escaped(new) : new
        var result: [UInt32] = []
        if old.isEmpty {
            let places = min(limit, text.count + 1)
            try interpreter.take(min(1 << 40, new.count &* places))
            for index in 0..<places {
                result += new.units
                if index < text.count { result.append(text.units[index]) }
            }
            result += text.units.dropFirst(places)
            return Text(units: result, isMarkup: text.isMarkup)
        }
        let indices = text.indices(of: old, limit: limit)
        try interpreter.take(min(1 << 40, new.count &* indices.count))
        var start = 0
        for index in indices {
            result += text.units[start..<index]
            result += new.units
            start = index + old.count
        }
        result += text.units[start...]
        return Text(units: result, isMarkup: text.isMarkup)
    }

    static func join(
        _ interpreter: Interpreter, _ text: Text, _ values: [Value]
    ) throws -> Value {
        var parts: [Text] = []
        for (index, value) in values.enumerated() {
            guard case .text(let part) = value else {
                throw TemplateError.type(
                    "sequence item \(index): expected str instance, \(value.typeName) found")
            }
            try interpreter.take(part.count + text.count)
            parts.append(text.isMarkup ? Markup.escaped(part) : part)
        }
        var result = text.joining(parts)
        result.isMarkup = text.isMarkup
        return .text(result)
    }

    static func pad(
        _ interpreter: Interpreter, _ text: Text, _ arguments: Arguments, _ name: String,
        _ left: (_ missing: Int, _ width: Int) -> Int
    ) throws -> Value {
        let given = try arguments.bound(name, ["width", "fillchar"], required: 1)
        let width = try integer(given[0], 0)
        let fill = try given[1].map { try part($0) } ?? Text(" ")
        guard fill.count == 1 else {
            throw TemplateError.type("The fill character must be exactly one character long")
        }
        guard width > text.count else { return .text(text) }
        try interpreter.take(width)
        let missing = width - text.count
        let before = left(missing, width)
        func filling(_ count: Int) -> [UInt32] {
            [UInt32](repeating: fill.units[0], count: count)
        }
        return .text(
            Text(
                units: filling(before) + text.units + filling(missing - before),
                isMarkup: text.isMarkup))
    }

    static func zfill(
        _ interpreter: Interpreter, _ text: Text, _ arguments: Arguments
    ) throws -> Value {
        let width = try integer(arguments.single("zfill"), 0)
        guard width > text.count else { return .text(text) }
        try interpreter.take(width)
        let zeros = [UInt32](repeating: 48, count: width - text.count)
        let hasSign = text.count > 0 && (text[0] == 43 || text[0] == 45)
        let sign = text.units.prefix(hasSign ? 1 : 0)
        return .text(Text(units: Array(sign) + zeros + text.units.dropFirst(sign.count)))
    }

    static func expandtabs(
        _ interpreter: Interpreter, _ text: Text, _ arguments: Arguments
    ) throws -> Value {
        let size = try integer(arguments.bound("expandtabs", ["tabsize"])[0], 8)
        var result: [UInt32] = []
        var column = 0
        for unit in text.units {
            switch unit & Text.scalarMask {
            case 9:
                guard size > 0 else { continue }
                let count = size - column % size
                try interpreter.take(count)
                result += [UInt32](repeating: 32, count: count)
                column += count
            case 10, 13:
                result.append(unit)
                column = 0
            default:
                result.append(unit)
                column += 1
            }
        }
        return .text(Text(units: result))
    }
}
