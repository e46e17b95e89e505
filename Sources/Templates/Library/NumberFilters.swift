#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Filters of numbers.
enum NumberFilters {
    static func absolute(_ value: Value) throws -> Value {
        switch value {
        case .undefined(let undefined): throw undefined.error
        case .float(let number): return .float(number.magnitude)
        default:
            guard let number = value.integer else {
                throw TemplateError.type("bad operand type for abs(): '\(value.typeName)'")
            }
            guard number != .min else {
                throw TemplateError.limit("an integer does not fit into 64 bits")
            }
            return .int(abs(number))
        }
    }

    static func integer(_ value: Value, _ arguments: Arguments) throws -> Value {
        let given = try arguments.bound("int", ["default", "base"])
        let fallback = given[0] ?? .int(0)
        switch value {
        case .undefined(let undefined): throw undefined.error
        case .text(let text):
            let base = try StringMethods.integer(given[1], 10)
            if let number = Numbers.integer(text, base: base) { return .int(number) }
            guard let number = Numbers.float(text) else { return fallback }
            return Numbers.truncated(number).map(Value.int) ?? fallback
        case .float(let number):
            guard number.isFinite else {
                if number.isNaN { return fallback }
                throw TemplateError.type("cannot convert float infinity to integer")
            }
            guard let truncated = Numbers.truncated(number) else {
                throw TemplateError.limit("an integer does not fit into 64 bits")
            }
            return .int(truncated)
        default: return value.integer.map(Value.int) ?? fallback
        }
    }

    static func float(_ value: Value, _ arguments: Arguments) throws -> Value {
        let fallback = try arguments.bound("float", ["default"])[0] ?? .float(0)
        switch value {
        case .undefined(let undefined): throw undefined.error
        case .text(let text): return Numbers.float(text).map(Value.float) ?? fallback
        default: return value.number.map(Value.float) ?? fallback
        }
    }

    static func round(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("round", ["precision", "method"])
        let precision = try StringMethods.integer(given[0], 0)
        let method = try given[1].map { try StringMethods.part($0).string } ?? "common"
        guard ["common", "ceil", "floor"].contains(method) else {
            throw TemplateError.type("method must be common, ceil or floor")
        }
        if case .undefined(let undefined) = value { throw undefined.error }
        guard let number = value.number else {
            throw TemplateError.type("type \(value.typeName) doesn't define __round__ method")
        }
        guard method == "common" else {
            let scale = try interpreter.arithmetic(.power, .int(10), .int(precision))
            let scaled = try interpreter.arithmetic(.multiply, value, scale)
            guard let product = scaled.number, product.isFinite,
                let whole = Int(
                    exactly: method == "ceil" ? product.rounded(.up) : product.rounded(.down))
            else { throw TemplateError.limit("an integer does not fit into 64 bits") }
            return try interpreter.arithmetic(.divide, .int(whole), scale)
        }
        if let whole = value.integer { return .int(rounded(whole, precision: precision)) }
        return .float(Numbers.rounded(number, precision: precision))
    }

    /// An integer rounded to a power of ten, half to even.
    private static func rounded(_ value: Int, precision: Int) -> Int {
        guard precision < 0 else { return value }
        guard precision > -19 else { return 0 }
        let unit = (0..<(-precision)).reduce(1) { result, _ in result * 10 }
        let remainder = ((value % unit) + unit) % unit
        let down = value - remainder
        let isOdd = (down / unit) % 2 != 0
        let half = unit / 2
        let goesUp = remainder > half || (remainder == half && isOdd)
        return goesUp ? down.addingReportingOverflow(unit).partialValue : down
    }

    static func fileSize(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let isBinary = try arguments.bound("filesizeformat", ["binary"])[0]?.isTrue ?? false
        guard case .float(let bytes) = try float(value, Arguments(positional: [.none])) else {
            throw TemplateError.type("could not convert to a number of bytes")
        }
        let base = isBinary ? 1024.0 : 1000
        if bytes == 1 { return .string("1 Byte") }
        if bytes < base {
            guard let whole = Numbers.truncated(bytes) else {
                throw TemplateError.type("cannot convert float to integer")
            }
            return .string("\(whole) Bytes")
        }
        var unit = base
        var name = ""
        for prefix in isBinary
            ? ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]
            : ["k", "M", "G", "T", "P", "E", "Z", "Y"]
        {
            unit *= base
            name = prefix
            if bytes < unit { break }
        }
        let size = Numbers.printed(base * bytes / unit, precision: 1, conversion: "f")
        return .string("\(size) \(name)B")
    }
}
