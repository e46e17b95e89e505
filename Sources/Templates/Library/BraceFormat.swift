/// `format.format(values)`, as Python has it.
struct BraceFormat {
    private let interpreter: Interpreter
    private let arguments: Arguments
    private var automatic = 0

    static func text(
        _ format: Text, _ arguments: Arguments, in interpreter: Interpreter
    ) throws -> Text {
        var formatter = BraceFormat(interpreter: interpreter, arguments: arguments)
        return try formatter.run(format, depth: 2)
    }

    private init(interpreter: Interpreter, arguments: Arguments) {
        self.interpreter = interpreter
        self.arguments = arguments
    }

    private mutating func run(_ format: Text, depth: Int) throws -> Text {
        guard depth > 0 else { throw TemplateError.type("Max string recursion exceeded") }
        var result = Text(isMarkup: format.isMarkup)
        var index = 0
        while index < format.count {
            let scalar = format[index]
            guard scalar == 123 || scalar == 125 else {
                result.units.append(format.units[index])
                index += 1
                continue
            }
            if index + 1 < format.count, format[index + 1] == scalar {
                result.units.append(format.units[index])
                index += 2
                continue
            }
            guard scalar == 123 else {
                throw TemplateError.type("Single '}' encountered in format string")
            }
            var end = index + 1
            var open = 1
            while end < format.count {
                open += format[end] == 123 ? 1 : format[end] == 125 ? -1 : 0
                if open == 0 { break }
                end += 1
            }
            guard end < format.count else {
                throw TemplateError.type("expected '}' before end of string")
            }
            var field = try self.field(
                Text(units: format.units[(index + 1)..<end]), depth: depth)
            if format.isMarkup { field = Markup.escaped(field) }
            try interpreter.take(field.count)
            result += field
            index = end + 1
        }
        return result
    }

    /// `name!conversion:specification`.
    private mutating func field(_ field: Text, depth: Int) throws -> Text {
        var nameEnd = 0
        var brackets = false
        while nameEnd < field.count, brackets || (field[nameEnd] != 33 && field[nameEnd] != 58) {
            if field[nameEnd] == 91 { brackets = true }
            if field[nameEnd] == 93 { brackets = false }
            nameEnd += 1
        }
        var value = try self.value(Text(units: field.units[..<nameEnd]))
        var index = nameEnd
        if index < field.count, field[index] == 33 {
            guard index + 1 < field.count else {
                throw TemplateError.type("end of string while looking for conversion specifier")
            }
            switch field[index + 1] {
            case 115: value = .text(try interpreter.text(value))
            case 114, 97: value = .text(try interpreter.representation(value))
            default: throw TemplateError.type("Unknown conversion specifier")
            }
            index += 2
            guard index == field.count || field[index] == 58 else {
                throw TemplateError.type("expected ':' after conversion specifier")
            }
        }
        let specification =
            index < field.count
            ? try run(Text(units: field.units[(index + 1)...]), depth: depth - 1) : Text()
        return try formatted(value, specification)
    }

    /// The value of `0.name[key]`.
    private mutating func value(_ name: Text) throws -> Value {
        var end = 0
        while end < name.count, name[end] != 46, name[end] != 91 { end += 1 }
        let first = Text(units: name.units[..<end])
        var value: Value
        if first.isEmpty || first.units.allSatisfy({ Characters.digit($0) != nil }) {
            var index = Numbers.integer(first) ?? -1
            if first.isEmpty {
                guard automatic >= 0 else {
                    throw TemplateError.type(
                        "cannot switch from manual field specification to automatic field"
                            + " numbering")
                }
                index = automatic
                automatic += 1
            } else {
                guard automatic <= 0 else {
                    throw TemplateError.type(
                        "cannot switch from automatic field numbering to manual field"
                            + " specification")
                }
                automatic = -1
            }
            guard arguments.positional.indices.contains(index) else {
                throw TemplateError.type(
                    "Replacement index \(index) out of range for positional args tuple")
            }
            value = arguments.positional[index]
        } else {
            let key = first.string
            guard let found = arguments.keywords.first(where: { $0.name == key }) else {
                throw TemplateError.type("KeyError: '\(key)'")
            }
            value = found.value
        }
        while end < name.count {
            let isItem = name[end] == 91
            let start = end + 1
            end = start
            while end < name.count, isItem ? name[end] != 93 : name[end] != 46 && name[end] != 91 {
                end += 1
            }
            let part = Text(units: name.units[start..<end])
            guard !part.isEmpty else {
                throw TemplateError.type("Empty attribute in format string")
            }
            if isItem {
                guard end < name.count else {
                    throw TemplateError.type("Missing ']' in format string")
                }
                end += 1
                let isIndex = part.units.allSatisfy { Characters.digit($0) != nil }
                let index = isIndex ? Numbers.integer(part).map(Value.int) : nil
                value = try interpreter.item(value, index ?? .text(part))
            } else {
                value = try interpreter.attribute(value, part.string)
            }
        }
        return value
    }

    // MARK: Specifications

    private struct Specification {
        var fill: UInt32 = 32
        var align: UInt32?
        var sign: UInt32?
        var alternate = false
        var width = 0
        var grouping: UInt32?
        var precision: Int?
        var type: Unicode.Scalar?
    }

    private func parsed(_ text: Text) throws -> Specification {
        var result = Specification()
        var index = 0
        func isAlign(_ index: Int) -> Bool {
            index < text.count && [60, 62, 61, 94].contains(text[index])
        }
        func at(_ scalar: UInt32) -> Bool { index < text.count && text[index] == scalar }
        func number() throws -> Int? {
            var value: Int?
            while index < text.count, let digit = Characters.digit(text[index]) {
                value = (value ?? 0) * 10 + digit
                guard value ?? 0 < 1 << 20 else {
                    throw TemplateError.type("Too many decimal digits in format string")
                }
                index += 1
            }
            return value
        }
        if isAlign(1) {
            (result.fill, result.align) = (text.units[0], text[1])
            index = 2
        } else if isAlign(0) {
            result.align = text[0]
            index = 1
        }
        if at(43) || at(45) || at(32) {
            result.sign = text[index]
            index += 1
        }
        if at(122) { index += 1 }
        if at(35) {
            result.alternate = true
            index += 1
        }
        if at(48) {
            if result.align == nil { (result.fill, result.align) = (48, 61) }
            index += 1
        }
        result.width = try number() ?? 0
        if at(44) || at(95) {
            result.grouping = text[index]
            index += 1
        }
        if at(46) {
            index += 1
            guard let precision = try number() else {
                throw TemplateError.type("Format specifier missing precision")
            }
            result.precision = precision
        }
        if index < text.count {
            result.type = Text.scalar(text[index])
            index += 1
        }
        guard index == text.count else { throw TemplateError.type("Invalid format specifier") }
        return result
    }

    private func formatted(_ value: Value, _ specification: Text) throws -> Text {
        guard !specification.isEmpty else { return try interpreter.text(value) }
        let parsed = try parsed(specification)
        try interpreter.take(parsed.width + (parsed.precision ?? 0))
        func unknown() -> TemplateError {
            .type(
                "Unknown format code '\(parsed.type ?? "?")' for object of type"
                    + " '\(value.typeName)'")
        }
        switch value {
        case .text(let text):
            guard parsed.type == nil || parsed.type == "s" else { throw unknown() }
            guard parsed.sign == nil, parsed.align != 61, parsed.grouping == nil,
                !parsed.alternate
            else { throw TemplateError.type("not allowed in string format specifier") }
            let body = Text(units: text.units.prefix(parsed.precision ?? .max))
            return padded(body, sign: "", parsed, usual: 60)
        case .int, .bool:
            guard let number = value.integer else { return Text() }
            if parsed.type == nil || "bcdoxXn".unicodeScalars.contains(parsed.type ?? " ") {
                return try integer(number, parsed)
            }
            guard "eEfFgG%".unicodeScalars.contains(parsed.type ?? " ") else { throw unknown() }
            return try float(Double(number), parsed)
        case .float(let number):
            guard parsed.type == nil || "eEfFgGn%".unicodeScalars.contains(parsed.type ?? " ")
            else { throw unknown() }
            return try float(number, parsed)
        default:
            throw TemplateError.type(
                "unsupported format string passed to \(value.typeName).__format__")
        }
    }

    private func sign(_ isNegative: Bool, _ specification: Specification) -> String {
        if isNegative { return "-" }
        return specification.sign == 43 ? "+" : specification.sign == 32 ? " " : ""
    }

    private func grouped(_ digits: String, by size: Int, _ specification: Specification) -> String {
        guard let separator = specification.grouping else { return digits }
        var result: [Character] = []
        for (index, digit) in digits.reversed().enumerated() {
            if index > 0, index % size == 0 {
                result.append(Character(Text.scalar(separator)))
            }
            result.append(digit)
        }
        return String(result.reversed())
    }

    private func integer(_ value: Int, _ specification: Specification) throws -> Text {
        guard specification.precision == nil else {
            throw TemplateError.type("Precision not allowed in integer format specifier")
        }
        let radix: Int
        switch specification.type {
        case "c":
            guard let scalar = UInt32(exactly: value), Unicode.Scalar(scalar) != nil else {
                throw TemplateError.type("%c arg not in range(0x110000)")
            }
            return padded(Text(units: [scalar]), sign: "", specification, usual: 60)
        case "b": radix = 2
        case "o": radix = 8
        case "x", "X": radix = 16
        default: radix = 10
        }
        var sign = sign(value < 0, specification)
        if specification.alternate, radix != 10, let type = specification.type {
            sign += "0\(type)"
        }
        let digits = String(value.magnitude, radix: radix, uppercase: specification.type == "X")
        let body = grouped(digits, by: radix == 10 ? 3 : 4, specification)
        return padded(Text(body), sign: sign, specification, usual: 62)
    }

    private func float(_ value: Double, _ specification: Specification) throws -> Text {
        let isNegative = value.sign == .minus && !value.isNaN
        var text: String
        switch specification.type {
        case nil:
            if let precision = specification.precision {
                text = general(value.magnitude, precision: precision)
            } else {
                text = Numbers.text(value.magnitude)
            }
        case "%":
            text =
                NumberFormat.text(
                    value.magnitude * 100, letter: "f", precision: specification.precision ?? 6)
                + "%"
        case "n":
            text = NumberFormat.text(
                value.magnitude, letter: "g", precision: specification.precision ?? 6)
        case let type?:
            text = NumberFormat.text(
                value.magnitude, letter: type, precision: specification.precision ?? 6,
                alternate: specification.alternate)
        }
        let whole = text.prefix { $0.isNumber }
        text = grouped(String(whole), by: 3, specification) + text.dropFirst(whole.count)
        return padded(Text(text), sign: sign(isNegative, specification), specification, usual: 62)
    }

    /// Like `g`, with at least one digit after the point.
    private func general(_ value: Double, precision: Int) -> String {
        let digits = max(1, precision)
        let text = NumberFormat.text(value, letter: "g", precision: digits)
        guard value.isFinite, !text.contains("e") else { return text }
        if text.contains(".") { return text }
        if text.count >= digits {
            // No room for the digit after the point.
            var scientific = NumberFormat.text(value, letter: "e", precision: digits - 1)
            if let exponent = scientific.firstIndex(of: "e") {
                var mantissa = String(scientific[..<exponent])
                while mantissa.contains("."), mantissa.hasSuffix("0") || mantissa.hasSuffix(".") {
                    let last = mantissa.removeLast()
                    if last == "." { break }
                }
                scientific = mantissa + scientific[exponent...]
            }
            return scientific
        }
        return text + ".0"
    }

    private func padded(
        _ body: Text, sign: String, _ specification: Specification, usual: UInt32
    ) -> Text {
        let padding = max(0, specification.width - body.count - sign.count)
        func fill(_ count: Int) -> Text {
            Text(units: [UInt32](repeating: specification.fill, count: count))
        }
        switch specification.align ?? usual {
        case 60: return Text(sign) + body + fill(padding)
        case 61: return Text(sign) + fill(padding) + body
        case 94: return fill(padding / 2) + Text(sign) + body + fill(padding - padding / 2)
        default: return fill(padding) + Text(sign) + body
        }
    }
}
