extension Text {
    /// Python's `repr` of a string.
    func representation() -> Text {
        let quote: UInt32 =
            units.contains { $0 & Text.scalarMask == 39 }
                && !units.contains { $0 & Text.scalarMask == 34 } ? 34 : 39
        var result: [UInt32] = [quote]
        result.reserveCapacity(count + 2)
        for unit in units {
            let mark = unit & Text.valueMark
            let value = unit & Text.scalarMask
            func escape(_ letter: Unicode.Scalar) { result += [92 | mark, letter.value | mark] }
            switch value {
            case quote: result += [92 | mark, unit]
            case 92: escape("\\")
            case 9: escape("t")
            case 10: escape("n")
            case 13: escape("r")
            case 32: result.append(unit)
            default:
                if Characters.isPrintable(value) {
                    result.append(unit)
                } else {
                    result += Text.escaped(value).map { $0 | mark }
                }
            }
        }
        result.append(quote)
        if isMarkup { return Text("Markup(") + Text(units: result) + Text(")") }
        return Text(units: result)
    }

    private static func escaped(_ value: UInt32) -> [UInt32] {
        let (letter, width) = value < 0x100 ? ("x", 2) : value < 0x10000 ? ("u", 4) : ("U", 8)
        return Text("\\" + letter).units + hexadecimal(value, width: width)
    }

    /// A number in hexadecimal digits, at least `width`.
    static func hexadecimal(_ value: UInt32, width: Int) -> [UInt32] {
        let digits = String(value, radix: 16)
        return Text(String(repeating: "0", count: max(0, width - digits.count)) + digits).units
    }
}

extension Interpreter {
    /// Python's `str(value)`.
    func text(_ value: Value) throws -> Text {
        if case .text(let text) = value { return text }
        if case .undefined = value { return Text() }
        return try representation(value)
    }

    /// Python's `repr(value)`.
    func representation(_ value: Value) throws -> Text {
        var result = Text()
        try represent(value, into: &result, depth: 0)
        return result
    }

    private func represent(_ value: Value, into result: inout Text, depth: Int) throws {
        guard depth <= limits.depth else { throw TemplateError.limit(tooDeep) }
        try step(1)
        switch value {
        case .undefined: result += "Undefined"
        case .none: result += "None"
        case .bool(let value): result += value ? "True" : "False"
        case .int(let value): result += String(value)
        case .float(let value): result += Numbers.text(value)
        case .text(let text):
            try take(text.count)
            result += text.representation()
        case .list(let items): try represent(items.values, "[", "]", &result, depth)
        case .tuple(let items):
            try represent(items.values, "(", items.values.count == 1 ? ",)" : ")", &result, depth)
        case .dict(let dict): try represent(dict, &result, depth)
        case .view(let view):
            result += view.kind.rawValue + "("
            try represent(view.elements, "[", "]", &result, depth)
            result += ")"
        case .range(let range):
            result +=
                "range(\(range.start), \(range.stop)"
                + (range.step == 1 ? ")" : ", \(range.step))")
        case .namespace(let namespace):
            result += "<Namespace {"
            for (index, name) in namespace.order.enumerated() {
                if index > 0 { result += ", " }
                result += Text(name).representation()
                result += ": "
                try represent(
                    namespace.attributes[name] ?? .none, into: &result, depth: depth + 1)
            }
            result += "}>"
        case .macro(let macro):
            result += "<Macro "
            result += macro.definition.name.map { "'\($0)'" } ?? "anonymous"
            result += ">"
        case .loop(let loop): result += "<LoopContext \(loop.index0 + 1)/\(try loop.length())>"
        case .iterator(let iterator): result += "<\(iterator.name) object>"
        case .function(let function): result += "<built-in method \(function.name)>"
        case .object(let object): result += "<\(object.typeName) object>"
        }
    }

    private func represent(
        _ values: [Value], _ start: String, _ end: String, _ result: inout Text, _ depth: Int
    ) throws {
        result += start
        for (index, value) in values.enumerated() {
            if index > 0 { result += ", " }
            try represent(value, into: &result, depth: depth + 1)
        }
        result += end
        try take(values.count)
    }

    private func represent(_ dict: Dict, _ result: inout Text, _ depth: Int) throws {
        result += "{"
        for (index, (key, value)) in zip(dict.keys, dict.values).enumerated() {
            if index > 0 { result += ", " }
            try represent(key, into: &result, depth: depth + 1)
            result += ": "
            try represent(value, into: &result, depth: depth + 1)
        }
        result += "}"
        try take(dict.count)
    }
}
