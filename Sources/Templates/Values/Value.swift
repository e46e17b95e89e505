/// A value of a template, as Python has it.
enum Value {
    case undefined(Undefined)
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case text(Text)
    case list(Items)
    case tuple(Items)
    case dict(Dict)
    /// `items()`, `keys()` and `values()` of a dict.
    case view(View)
    case range(Progression)
    /// What filters such as `map` give: it can be gone through once.
    case iterator(Iterator)
    case namespace(Namespace)
    case function(Function)
    case macro(Macro)
    case loop(Loop)
    case object(Object)
}

/// Something that is not there: it prints as nothing, is false, and most uses of it are errors.
struct Undefined {
    /// What is said when it is used.
    let message: String
    /// Whether the use is forbidden and not just impossible.
    var isUnsafe = false

    var error: TemplateError {
        TemplateError(isUnsafe ? .unsafe(message) : .undefined(message))
    }
}

/// The elements of a list or tuple, which never change.
final class Items {
    let values: [Value]
    /// How deep containers stand in each other here, 1 for a list of numbers.
    let depth: Int
    /// The names of a tuple's elements, where it has names.
    let names: [String]

    init(_ values: [Value], names: [String] = []) {
        self.values = values
        self.names = names
        depth = 1 + (values.lazy.map(\.depth).max() ?? 0)
    }
}

/// What tells keys of a dict apart: 1, 1.0 and true are one key.
enum Key: Hashable {
    case none
    case int(Int)
    case float(Double)
    case text(Text)
    case tuple([Key])
    case undefined
    case identity(ObjectIdentifier)
}

/// A dict, which never changes; in the order of insertion.
final class Dict {
    let keys: [Value]
    let values: [Value]
    private let positions: [Key: Int]
    let depth: Int

    /// The last of equal keys wins and keeps the place of the first, as in Python.
    init(_ entries: [(key: Value, value: Value)]) throws {
        var keys: [Value] = []
        var values: [Value] = []
        var positions: [Key: Int] = [:]
        for (key, value) in entries {
            let hashed = try key.key()
            if let position = positions[hashed] {
                values[position] = value
            } else {
                positions[hashed] = keys.count
                keys.append(key)
                values.append(value)
            }
        }
        (self.keys, self.values, self.positions) = (keys, values, positions)
        depth =
            1 + max(keys.lazy.map(\.depth).max() ?? 0, values.lazy.map(\.depth).max() ?? 0)
    }

    subscript(key: Key) -> Value? { positions[key].map { values[$0] } }
    var count: Int { keys.count }
    var pairs: [Value] { zip(keys, values).map { .tuple(Items([$0, $1])) } }
}

/// A view of a dict.
struct View {
    enum Kind: String {
        case keys = "dict_keys"
        case values = "dict_values"
        case items = "dict_items"
    }
    let kind: Kind
    let dict: Dict

    var elements: [Value] {
        switch kind {
        case .keys: dict.keys
        case .values: dict.values
        case .items: dict.pairs
        }
    }
}

/// A `range`.
struct Progression {
    let start: Int
    let stop: Int
    let step: Int
    /// How many numbers it has.
    let count: Int

    /// The most numbers that the sandbox allows.
    static let countLimit = 100_000

    init(start: Int, stop: Int, step: Int) throws {
        guard step != 0 else { throw TemplateError.type("range() arg 3 must not be zero") }
        let (span, overflow) = stop.subtractingReportingOverflow(start)
        let count = step > 0 ? (start < stop ? 1 : 0) : (start > stop ? 1 : 0)
        if count == 0 {
            self.count = 0
        } else {
            let whole = overflow ? UInt.max : (span.magnitude - 1) / step.magnitude + 1
            guard whole <= UInt(Progression.countLimit) else {
                throw TemplateError.type(
                    "Range too big. The sandbox blocks ranges larger than MAX_RANGE"
                        + " (\(Progression.countLimit)).")
            }
            self.count = Int(whole)
        }
        (self.start, self.stop, self.step) = (start, stop, step)
    }

    subscript(index: Int) -> Int { start + index * step }
    var elements: [Value] { (0..<count).map { .int(self[$0]) } }
}

/// Elements that can be gone through once; worked out when the first is asked for.
final class Iterator {
    /// How it prints.
    let name: String
    private var make: (() throws -> [Value])?
    private var elements: [Value] = []
    private var position = 0
    let depth: Int

    init(_ name: String, depth: Int, _ make: @escaping () throws -> [Value]) {
        self.name = name
        self.make = make
        self.depth = depth + 1
    }

    /// The next element.
    func next() throws -> Value? {
        if let make {
            self.make = nil
            elements = try make()
        }
        guard position < elements.count else { return nil }
        position += 1
        return elements[position - 1]
    }

    /// All that are left.
    func rest() throws -> [Value] {
        var result: [Value] = []
        while let value = try next() { result.append(value) }
        return result
    }
}

/// What `namespace()` gives: the one kind of value that can change.
final class Namespace {
    var attributes: [String: Value] = [:]
    var order: [String] = []

    func set(_ name: String, _ value: Value) {
        if attributes.updateValue(value, forKey: name) == nil { order.append(name) }
    }
}

/// A function of ours that templates can call.
final class Function {
    let name: String
    let depth: Int
    let body: (Interpreter, Arguments) throws -> Value

    init(_ name: String, depth: Int = 0, _ body: @escaping (Interpreter, Arguments) throws -> Value)
    {
        self.name = name
        self.depth = depth
        self.body = body
    }
}

/// A macro of the template, with the scope that it was written in.
final class Macro {
    let definition: MacroDefinition
    let scope: Scope

    init(_ definition: MacroDefinition, scope: Scope) {
        self.definition = definition
        self.scope = scope
    }
}

/// A small object with methods: `cycler`, `joiner`, `self`.
final class Object {
    let typeName: String
    let depth: Int
    let attribute: (String) -> Value?
    let call: ((Interpreter, Arguments) throws -> Value)?

    init(
        _ typeName: String, depth: Int = 0, attribute: @escaping (String) -> Value? = { _ in nil },
        call: ((Interpreter, Arguments) throws -> Value)? = nil
    ) {
        self.typeName = typeName
        self.depth = depth
        self.attribute = attribute
        self.call = call
    }
}

extension Value {
    /// Text of the template's own.
    static func string(_ text: String) -> Value { .text(Text(text)) }
    static func list(_ values: [Value]) -> Value { .list(Items(values)) }
    static func tuple(_ values: [Value]) -> Value { .tuple(Items(values)) }
    static func undefined(_ message: String) -> Value { .undefined(Undefined(message: message)) }

    /// How deep containers stand in each other here; 0 for what is no container.
    var depth: Int {
        switch self {
        case .list(let items), .tuple(let items): items.depth
        case .dict(let dict): dict.depth
        case .view(let view): view.dict.depth + 2
        case .iterator(let iterator): iterator.depth
        case .function(let function): function.depth
        case .loop(let loop): loop.depth
        case .object(let object): object.depth
        default: 0
        }
    }

    /// Python's name of the type.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .int: "int"
        case .float: "float"
        case .text(let text): text.isMarkup ? "Markup" : "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dict: "dict"
        case .view(let view): view.kind.rawValue
        case .range: "range"
        case .iterator(let iterator): iterator.name
        case .namespace: "Namespace"
        case .function: "builtin_function_or_method"
        case .macro: "Macro"
        case .loop: "LoopContext"
        case .object(let object): object.typeName
        }
    }

    /// What `if` makes of it.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .float(let value): value != 0
        case .text(let text): !text.isEmpty
        case .list(let items), .tuple(let items): !items.values.isEmpty
        case .dict(let dict): dict.count > 0
        case .view(let view): view.dict.count > 0
        case .range(let range): range.count > 0
        case .iterator, .namespace, .function, .macro, .loop, .object: true
        }
    }

    /// The number as an integer: integers and Booleans.
    var integer: Int? {
        switch self {
        case .int(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// The number as a double.
    var number: Double? {
        if case .float(let value) = self { return value }
        return integer.map(Double.init)
    }

    /// What tells it apart as a key of a dict.
    func key() throws -> Key {
        switch self {
        case .none: return .none
        case .bool(let value): return .int(value ? 1 : 0)
        case .int(let value): return .int(value)
        case .float(let value):
            return Int(exactly: value).map { .int($0) } ?? .float(value)
        case .text(let text): return .text(text)
        case .tuple(let items): return .tuple(try items.values.map { try $0.key() })
        case .undefined: return .undefined
        case .namespace(let namespace): return .identity(ObjectIdentifier(namespace))
        case .function(let function): return .identity(ObjectIdentifier(function))
        case .macro(let macro): return .identity(ObjectIdentifier(macro))
        case .loop(let loop): return .identity(ObjectIdentifier(loop))
        case .object(let object): return .identity(ObjectIdentifier(object))
        case .iterator(let iterator): return .identity(ObjectIdentifier(iterator))
        case .range(let range):
            return .tuple([.int(range.start), .int(range.count), .int(range.step)])
        case .list, .dict, .view:
            throw TemplateError.type("unhashable type: '\(typeName)'")
        }
    }
}
