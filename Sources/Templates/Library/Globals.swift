#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The variables that every template has.
enum Globals {
    static func all() -> [String: Value] {
        func function(
            _ name: String, _ body: @escaping (Interpreter, Arguments) throws -> Value
        ) -> (String, Value) {
            (name, .function(Function(name, body)))
        }
        return Dictionary(uniqueKeysWithValues: [
            function("range", range), function("namespace", namespace),
            function("raise_exception", raise), function("strftime_now", formattedNow),
            function("cycler", cycler), function("joiner", joiner),
            (
                "dict",
                .object(
                    Object(
                        "TemplateDict",
                        attribute: { name in
                            name == "fromkeys" ? .function(Function(name, fromKeys)) : nil
                        }, call: { .dict(try dict($0, $1)) }))
            ),
        ])
    }

    private static func range(_ interpreter: Interpreter, _ arguments: Arguments) throws -> Value {
        guard arguments.keywords.isEmpty else {
            throw TemplateError.type("range() takes no keyword arguments")
        }
        let numbers = try arguments.positional.map { try StringMethods.integer($0, 0) }
        switch numbers.count {
        case 1: return .range(try Progression(start: 0, stop: numbers[0], step: 1))
        case 2: return .range(try Progression(start: numbers[0], stop: numbers[1], step: 1))
        case 3:
            return .range(
                try Progression(start: numbers[0], stop: numbers[1], step: numbers[2]))
        default:
            throw TemplateError.type("range expected 1 to 3 arguments, got \(numbers.count)")
        }
    }

    /// A dict of a mapping or pairs, and of keywords.
    private static func dict(_ interpreter: Interpreter, _ arguments: Arguments) throws -> Dict {
        guard arguments.positional.count <= 1 else {
            throw TemplateError.type(
                "dict expected at most 1 argument, got \(arguments.positional.count)")
        }
        var pairs: [(key: Value, value: Value)] = []
        switch arguments.positional.first {
        case nil: break
        case .dict(let dict)?: pairs = Array(zip(dict.keys, dict.values))
        case let value?:
            for element in try interpreter.elements(of: value) {
                let both = try interpreter.elements(of: element)
                guard both.count == 2 else {
                    throw TemplateError.type(
                        "dictionary update sequence element has length \(both.count); 2 is"
                            + " required")
                }
                pairs.append((both[0], both[1]))
            }
        }
        pairs += arguments.keywords.map { (.string($0.name), $0.value) }
        try interpreter.take(12 * pairs.count)
        return try Dict(pairs)
    }

    static func fromKeys(_ interpreter: Interpreter, _ arguments: Arguments) throws -> Value {
        let given = try arguments.bound("fromkeys", ["iterable", "value"], required: 1)
        let keys = try interpreter.elements(of: given[0] ?? .none)
        return .dict(try Dict(keys.map { ($0, given[1] ?? .none) }))
    }

    /// Throws for names that transformers keeps namespaces from having.
    static func check(attribute name: String) throws {
        guard !name.hasPrefix("_") else {
            throw TemplateError(
                .unsafe(
                    "Chat templates cannot store underscore-prefixed attributes on a namespace,"
                        + " but got '\(name)'"))
        }
    }

    private static func namespace(
        _ interpreter: Interpreter, _ arguments: Arguments
    ) throws -> Value {
        let attributes = try dict(interpreter, arguments)
        let namespace = Namespace()
        for (key, value) in zip(attributes.keys, attributes.values) {
            guard case .text(let name) = key else { continue }
            try check(attribute: name.string)
            namespace.set(name.string, value)
        }
        interpreter.register(namespace)
        return .namespace(namespace)
    }

    private static func raise(_ interpreter: Interpreter, _ arguments: Arguments) throws -> Value {
        let given = try arguments.bound("raise_exception", ["message"], required: 1)
        let message = try interpreter.text(given[0] ?? .none)
        throw TemplateError(.raised(message.string))
    }

    private static func formattedNow(
        _ interpreter: Interpreter, _ arguments: Arguments
    ) throws -> Value {
        let format = try StringMethods.part(
            arguments.bound("strftime_now", ["format"], required: 1)[0])
        guard format.count <= 1000 else { throw TemplateError.limit("a long format of a time") }
        return .string(interpreter.now().formatted(format.string))
    }

    private static func cycler(_ interpreter: Interpreter, _ arguments: Arguments) throws -> Value {
        let items = arguments.positional
        guard !items.isEmpty else {
            throw TemplateError.type("at least one item has to be provided")
        }
        let position = Counter()
        return .object(
            Object(
                "Cycler", depth: 1 + (items.lazy.map(\.depth).max() ?? 0),
                attribute: { name in
                    switch name {
                    case "current": items[position.value]
                    case "pos": .int(position.value)
                    case "items": .tuple(items)
                    case "next":
                        .function(
                            Function(name) { _, _ in
                                defer { position.value = (position.value + 1) % items.count }
                                return items[position.value]
                            })
                    case "reset":
                        .function(
                            Function(name) { _, _ in
                                position.value = 0
                                return .none
                            })
                    default: nil
                    }
                }))
    }

    private static func joiner(_ interpreter: Interpreter, _ arguments: Arguments) throws -> Value {
        let separator = try arguments.bound("joiner", ["sep"])[0] ?? .string(", ")
        let used = Counter()
        return .object(
            Object(
                "Joiner", depth: separator.depth + 1,
                call: { _, _ in
                    defer { used.value = 1 }
                    return used.value == 0 ? .string("") : separator
                }))
    }

    private final class Counter {
        var value = 0
    }
}

/// A moment in the calendar of the machine's time zone.
public struct CalendarTime: Sendable, Hashable {
    /// Seconds since 1970.
    private let seconds: Int

    /// The time that it is now.
    public static var now: CalendarTime { CalendarTime(seconds: time(nil)) }

    private init(seconds: Int) { self.seconds = seconds }

    /// A day at noon.
    public init(year: Int32, month: Int32, day: Int32) {
        var fields = unsafe tm()
        unsafe fields.tm_year = year - 1900
        unsafe fields.tm_mon = month - 1
        unsafe fields.tm_mday = day
        unsafe fields.tm_hour = 12
        unsafe fields.tm_isdst = -1
        seconds = unsafe mktime(&fields)
    }

    /// The time in C's `strftime` format.
    func formatted(_ format: String) -> String {
        guard !format.isEmpty else { return "" }
        var seconds = seconds
        var fields = unsafe tm()
        unsafe localtime_r(&seconds, &fields)
        var buffer = [CChar](repeating: 0, count: 1 << 16)
        let count = unsafe strftime(&buffer, buffer.count, format, &fields)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
