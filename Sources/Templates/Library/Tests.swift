/// The tests of jinja2.
enum Tests {
    typealias Test = @Sendable (Interpreter, Value, Arguments) throws -> Bool

    static let all: [String: Test] = kinds.merging(comparisons) { $1 }

    private static let kinds: [String: Test] = [
        "defined": { _, value, _ in if case .undefined = value { false } else { true } },
        "undefined": { _, value, _ in if case .undefined = value { true } else { false } },
        "none": { _, value, _ in if case .none = value { true } else { false } },
        "boolean": { _, value, _ in if case .bool = value { true } else { false } },
        "true": { _, value, _ in if case .bool(true) = value { true } else { false } },
        "false": { _, value, _ in if case .bool(false) = value { true } else { false } },
        "integer": { _, value, _ in if case .int = value { true } else { false } },
        "float": { _, value, _ in if case .float = value { true } else { false } },
        "number": { _, value, _ in value.number != nil },
        "string": { _, value, _ in if case .text = value { true } else { false } },
        "mapping": { _, value, _ in if case .dict = value { true } else { false } },
        "sequence": { _, value, _ in
            switch value {
            case .text, .list, .tuple, .dict, .range: true
            // Its length is 0, and asking for its items is an error of another kind.
            case .undefined: false
            default: false
            }
        },
        "iterable": { _, value, _ in
            switch value {
            case .undefined, .text, .list, .tuple, .dict, .view, .range, .iterator, .loop: true
            default: false
            }
        },
        "callable": { _, value, _ in
            switch value {
            case .function, .macro, .loop, .undefined: true
            case .object(let object): object.call != nil
            default: false
            }
        },
        "escaped": { _, value, _ in
            if case .text(let text) = value { text.isMarkup } else { false }
        },
        "lower": { interpreter, value, _ in StringMethods.isLower(try interpreter.text(value)) },
        "upper": { interpreter, value, _ in StringMethods.isUpper(try interpreter.text(value)) },
        "odd": { interpreter, value, _ in try remainder(interpreter, value, by: .int(2), is: 1) },
        "even": { interpreter, value, _ in try remainder(interpreter, value, by: .int(2), is: 0) },
        "divisibleby": { interpreter, value, arguments in
            try remainder(
                interpreter, value, by: arguments.single("divisibleby"), is: 0)
        },
        "filter": { _, value, _ in try name(value).map { Filters.all[$0] != nil } ?? false },
        "test": { _, value, _ in try name(value).map { Tests.all[$0] != nil } ?? false },
        "sameas": { interpreter, value, arguments in
            interpreter.same(value, try arguments.single("sameas"))
        },
    ]

    /// The name that a value is, which has to be hashable.
    private static func name(_ value: Value) throws -> String? {
        guard case .text(let text) = try value.key() else { return nil }
        return text.string
    }

    private static func remainder(
        _ interpreter: Interpreter, _ value: Value, by divisor: Value, is wanted: Int
    ) throws -> Bool {
        let result = try interpreter.arithmetic(.remainder, value, divisor)
        return try interpreter.equal(result, .int(wanted))
    }

    private static func compared(_ comparison: Comparison) -> Test {
        { interpreter, value, arguments in
            try interpreter.compare(comparison, value, arguments.single(comparison.rawValue))
        }
    }

    private static let comparisons: [String: Test] = [
        "in": compared(.isIn),
        "==": compared(.equal), "eq": compared(.equal), "equalto": compared(.equal),
        "!=": compared(.unequal), "ne": compared(.unequal),
        ">": compared(.greater), "gt": compared(.greater), "greaterthan": compared(.greater),
        ">=": compared(.greaterOrEqual), "ge": compared(.greaterOrEqual),
        "<": compared(.less), "lt": compared(.less), "lessthan": compared(.less),
        "<=": compared(.lessOrEqual), "le": compared(.lessOrEqual),
    ]
}
