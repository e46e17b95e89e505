public import TensorCore

extension Grammar {
    /// Any JSON object.
    public static func anyObject() throws(GrammarError) -> Grammar {
        try Grammar(
            rules: [("root", .rule("object"))] + JSONPatterns.rules, root: "root")
    }

    /// The JSON texts that a schema allows, or some of them.
    ///
    /// Members stand in the order of `properties`; where a schema says nothing of further members,
    /// there are none beside known ones. What cannot be kept is refused, never ignored.
    ///
    /// - Throws: `GrammarError` with the keyword and the path to it.
    public init(jsonSchema: JSON) throws(GrammarError) {
        var reader = JSONSchemaReader(root: jsonSchema)
        if jsonSchema == .bool(false) {
            throw reader.fault("schema", "false allows nothing", "#")
        }
        let pattern = try reader.pattern(jsonSchema, "#")
        try self.init(
            rules: [("root", pattern)] + JSONPatterns.rules + reader.definitions, root: "root")
    }
}

/// Turns schemas into patterns.
struct JSONSchemaReader {
    let root: JSON
    /// What the names of rules begin with, where several schemas are part of a grammar.
    let scope: String
    /// The schemas that references lead to, as rules.
    var definitions: [(name: String, pattern: Pattern)] = []
    var names: [String: String] = [:]
    private var depth = 0
    private var schemaCount = 0
    /// The most schemas and members of one schema.
    private static let schemaCountLimit = 5000

    init(root: JSON, scope: String = "") {
        self.root = root
        self.scope = scope
    }

    /// Keywords that say nothing about texts.
    static let annotations: Set<String> = [
        "title", "description", "default", "examples", "$schema", "$id", "$comment", "$anchor",
        "deprecated", "readOnly", "writeOnly", "$defs", "definitions", "$vocabulary", "strict",
        "name", "discriminator", "example",
    ]
    private static let keywordsOfTypes: [String: Set<String>] = [
        "object": ["properties", "required", "additionalProperties"],
        "array": ["items", "prefixItems", "minItems", "maxItems", "additionalItems"],
        "string": ["minLength", "maxLength", "pattern", "format"],
        "integer": ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
        "number": ["minimum"],
    ]

    func fault(_ keyword: String, _ reason: String, _ path: String) -> GrammarError {
        GrammarError(.keyword(keyword, reason), place: path)
    }

    /// The pattern of a schema; `path` is where it stands.
    mutating func pattern(_ schema: JSON, _ path: String) throws(GrammarError) -> Pattern {
        depth += 1
        defer { depth -= 1 }
        schemaCount += 1
        guard depth <= 64 else { throw fault("schema", "more than 64 levels", path) }
        guard schemaCount <= Self.schemaCountLimit,
            schema.members?.count ?? 0 <= Self.schemaCountLimit
        else { throw fault("schema", "more than \(Self.schemaCountLimit) parts", path) }
        switch schema {
        case .bool(true): return .rule("value")
        case .bool(false): return .nothing
        case .object: break
        default: throw fault("schema", "\(schema.kindName) found, expected an object", path)
        }
        let keys = Set((schema.members ?? []).map(\.key.description))
            .subtracting(Self.annotations)
        if let reference = schema["$ref"] {
            try check(keys, allowed: ["$ref"], with: "$ref", path)
            return try self.reference(reference, path)
        }
        if let value = schema["const"] {
            try check(keys, allowed: ["const", "type"], with: "const", path)
            guard Self.isAllowed(value, by: schema["type"]) else {
                throw fault("const", "is not of the type", path)
            }
            return .literal(value.writtenCompactly())
        }
        if let values = schema["enum"] {
            try check(keys, allowed: ["enum", "type"], with: "enum", path)
            guard let values = values.array, !values.isEmpty else {
                throw fault("enum", "expected a list of values", path)
            }
            let allowed = values.filter { Self.isAllowed($0, by: schema["type"]) }
            guard !allowed.isEmpty else { throw fault("enum", "no value is of the type", path) }
            return .choice(allowed.map { .literal($0.writtenCompactly()) })
        }
        for keyword in ["anyOf", "oneOf"] {
            guard let list = schema[keyword] else { continue }
            try check(keys, allowed: [keyword, "type"], with: keyword, path)
            return try alternatives(list, keyword, type: schema["type"], path)
        }
        if let list = schema["allOf"] {
            return try pattern(try merged(list, into: schema, path), path)
        }
        return try typed(schema, keys, path)
    }

    private func check(
        _ keys: Set<String>, allowed: Set<String>, with keyword: String, _ path: String
    ) throws(GrammarError) {
        if let other = keys.subtracting(allowed).sorted().first {
            throw fault(other, "cannot be kept beside \(keyword)", path)
        }
    }

    /// Whether a value is of a type, or of one in a list.
    private static func isAllowed(_ value: JSON, by type: JSON?) -> Bool {
        guard let type else { return true }
        let names = type.text.map { [$0] } ?? (type.array ?? []).compactMap(\.text)
        return names.contains { name in
            switch value {
            case .null: name == "null"
            case .bool: name == "boolean"
            case .integer: name == "integer" || name == "number"
            case .real: name == "number" || name == "integer" && value.integer != nil
            case .string: name == "string"
            case .array: name == "array"
            case .object: name == "object"
            }
        }
    }

    // MARK: Types

    private mutating func typed(
        _ schema: JSON, _ keys: Set<String>, _ path: String
    ) throws(GrammarError) -> Pattern {
        var types: [String]
        switch schema["type"] {
        case nil:
            // The keywords of one type tell it.
            types = Self.keywordsOfTypes.filter { !$0.value.isDisjoint(with: keys) }.map(\.key)
            if types.contains("number") { types.removeAll { $0 == "integer" } }
            if types.isEmpty {
                try check(keys, allowed: [], with: "no type", path)
                return .rule("value")
            }
        case .string(let name)?: types = [name.description]
        case .array(let names)?:
            types = names.compactMap(\.text)
            guard !types.isEmpty, types.count == names.count else {
                throw fault("type", "expected a name or a list of names", path)
            }
        default: throw fault("type", "expected a name or a list of names", path)
        }
        let known = types.reduce(into: Set(["type"])) {
            $0.formUnion(Self.keywordsOfTypes[$1] ?? [])
        }
        if let other = keys.subtracting(known).sorted().first {
            throw fault(
                other, "is not supported for the type \(types.joined(separator: ", "))", path)
        }
        var choices: [Pattern] = []
        for type in types {
            switch type {
            case "null": choices.append(.text("null"))
            case "boolean": choices.append(JSONPatterns.boolean)
            case "integer": choices.append(try integer(schema, path))
            case "number": choices.append(try number(schema, path))
            case "string": choices.append(try string(schema, path))
            case "array": choices.append(try array(schema, path))
            case "object": choices.append(try object(schema, path))
            default: throw fault("type", "\(type) is no type", path)
            }
        }
        return choices.count == 1 ? choices[0] : .choice(choices)
    }

    private func count(
        _ schema: JSON, _ keyword: String, _ path: String
    ) throws(GrammarError) -> Int? {
        guard let value = schema[keyword] else { return nil }
        guard let count = value.integer, (0...(1 << 16)).contains(count) else {
            throw fault(keyword, "expected a number from 0 to 65536", path)
        }
        return count
    }

    private func integer(_ schema: JSON, _ path: String) throws(GrammarError) -> Pattern {
        func bound(_ keyword: String, _ round: FloatingPointRoundingRule) throws(GrammarError)
            -> Int?
        {
            guard let value = schema[keyword] else { return nil }
            guard let number = value.double, let whole = Int(exactly: number.rounded(round)),
                whole.magnitude < 1 << 53
            else { throw fault(keyword, "expected a number below 2^53", path) }
            return value.integer ?? whole
        }
        var minimum = try bound("minimum", .up)
        var maximum = try bound("maximum", .down)
        if let value = try bound("exclusiveMinimum", .down) {
            minimum = max(minimum ?? .min, value + 1)
        }
        if let value = try bound("exclusiveMaximum", .up) {
            maximum = min(maximum ?? .max, value - 1)
        }
        if minimum == nil, maximum == nil { return JSONPatterns.integer }
        if let minimum, let maximum, minimum > maximum {
            throw fault("maximum", "is below the minimum", path)
        }
        return JSONPatterns.integer(minimum: minimum, maximum: maximum)
    }

    private func number(_ schema: JSON, _ path: String) throws(GrammarError) -> Pattern {
        guard let minimum = schema["minimum"] else { return JSONPatterns.number }
        guard minimum.double == 0 else {
            throw fault("minimum", "of a number is supported for 0 only", path)
        }
        return .sequence([JSONPatterns.natural, JSONPatterns.fraction])
    }

    private func string(_ schema: JSON, _ path: String) throws(GrammarError) -> Pattern {
        let minimum = try count(schema, "minLength", path)
        let maximum = try count(schema, "maxLength", path)
        if let maximum, maximum < minimum ?? 0 {
            throw fault("maxLength", "is below minLength", path)
        }
        let given = ["pattern", "format"].filter { schema[$0] != nil }
        if given.count + (minimum == nil && maximum == nil ? 0 : 1) > 1 {
            throw fault(given[0], "cannot be kept beside other limits of a string", path)
        }
        if let expression = schema["pattern"] {
            guard let text = expression.text else {
                throw fault("pattern", "expected a text", path)
            }
            do {
                return JSONPatterns.quoted(try RegularExpression.pattern(text))
            } catch {
                throw GrammarError(error.kind, place: path)
            }
        }
        if let format = schema["format"] {
            guard let text = format.text, let expression = Self.formats[text] else {
                throw fault("format", "\(format.text ?? format.kindName) is not supported", path)
            }
            return JSONPatterns.quoted(try RegularExpression.pattern(expression))
        }
        if minimum == nil, maximum == nil { return .rule("string") }
        return JSONPatterns.string(minimum: minimum ?? 0, maximum: maximum)
    }

    private static let formats: [String: String] = {
        // Days that every year has.
        let date =
            "[0-9]{4}-((01|03|05|07|08|10|12)-(0[1-9]|[12][0-9]|3[01])"
            + "|(04|06|09|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
        let time =
            "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?"
            + "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
        let label = "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?"
        let byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
        return [
            "date": "^\(date)$", "time": "^\(time)$", "date-time": "^\(date)T\(time)$",
            "uuid": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
            "email": "^[a-z0-9]([a-z0-9._+-]{0,30}[a-z0-9])?@(\(label)\\.){1,3}[a-z]{2,10}$",
            "hostname": "^\(label)(\\.\(label)){0,4}$", "ipv4": "^\(byte)(\\.\(byte)){3}$",
            "uri": "^https?://\(label)(\\.\(label)){0,4}(/[A-Za-z0-9._~-]{0,40}){0,8}$",
        ]
    }()

    // MARK: Arrays and objects

    private mutating func array(_ schema: JSON, _ path: String) throws(GrammarError) -> Pattern {
        let minimum = try count(schema, "minItems", path) ?? 0
        let maximum = try count(schema, "maxItems", path)
        if let maximum, maximum < minimum { throw fault("maxItems", "is below minItems", path) }
        if let value = schema["prefixItems"], value.array == nil {
            throw fault("prefixItems", "\(value.kindName) found, expected a list", path)
        }
        var prefix = schema["prefixItems"]?.array ?? []
        var rest = schema["items"]
        if let list = rest?.array {
            // As older schemas have it.
            prefix = list
            rest = schema["additionalItems"]
        }
        var first: [Pattern] = []
        for (index, item) in prefix.enumerated() {
            first.append(try pattern(item, "\(path)/prefixItems/\(index)"))
        }
        // Without word of it, nothing follows the known ones.
        let more = prefix.isEmpty || rest != nil && rest != .bool(false)
        let item = shared(try pattern(rest ?? .bool(true), path + "/items"), path + "/items")
        guard !first.isEmpty else {
            if rest == .bool(false) {
                return JSONPatterns.bracketed("[", .empty, "]")
            }
            return JSONPatterns.bracketed(
                "[", JSONPatterns.list(item, minimum: minimum, maximum: maximum), "]")
        }
        guard minimum <= first.count || more else {
            throw fault("minItems", "is more than there are prefixItems", path)
        }
        guard maximum ?? .max >= first.count else {
            throw fault("maxItems", "is less than there are prefixItems", path)
        }
        var parts: [Pattern] = []
        for (index, pattern) in first.enumerated() {
            parts += (index == 0 ? [] : [JSONPatterns.comma]) + [pattern, JSONPatterns.space]
        }
        if more {
            parts.append(
                .repetition(
                    .sequence([JSONPatterns.comma, item, JSONPatterns.space]),
                    minimum: max(0, minimum - first.count),
                    maximum: maximum.map { $0 - first.count }))
        }
        return JSONPatterns.bracketed("[", .sequence(parts), "]")
    }

    private func properties(
        _ schema: JSON, _ path: String
    ) throws(GrammarError) -> [JSON.Member] {
        guard let value = schema["properties"] else { return [] }
        guard let members = value.members else {
            throw fault("properties", "\(value.kindName) found, expected an object", path)
        }
        return members
    }

    private func required(_ schema: JSON, _ path: String) throws(GrammarError) -> [String] {
        guard let value = schema["required"] else { return [] }
        guard let list = value.array, list.count <= Self.schemaCountLimit,
            list.allSatisfy({ $0.text != nil })
        else { throw fault("required", "expected a list of names", path) }
        return list.compactMap(\.text)
    }

    private mutating func object(_ schema: JSON, _ path: String) throws(GrammarError) -> Pattern {
        let properties = try self.properties(schema, path)
        var required = try self.required(schema, path)
        var members: [(pattern: Pattern, isRequired: Bool)] = []
        for property in properties {
            let name = property.key.description
            let value = try pattern(property.value, "\(path)/properties/\(name)")
            members.append((Self.member(name, value), required.contains(name)))
            required.removeAll { $0 == name }
        }
        if let name = required.first, schema["additionalProperties"] == .bool(false) {
            throw fault("required", "\(name) is none of the properties", path)
        }
        for name in required { members.append((Self.member(name, .rule("value")), true)) }
        var further: Pattern?
        switch schema["additionalProperties"] {
        case .bool(false)?: break
        case nil:
            if members.isEmpty { further = .rule("value") }
        case let value?: further = try pattern(value, path + "/additionalProperties")
        }
        if let value = further {
            let names = properties.map(\.key.description) + required
            if let long = names.first(where: { $0.unicodeScalars.count > 64 }) {
                throw fault(
                    "additionalProperties", "cannot be kept beside a name as long as \(long)", path)
            }
            let key =
                names.isEmpty ? Pattern.rule("string") : JSONPatterns.string(except: names)
            further = .sequence([JSONPatterns.member(key, value), JSONPatterns.space])
        }
        return JSONPatterns.bracketed("{", list(members, further, path), "}")
    }

    private static func member(_ name: String, _ value: Pattern) -> Pattern {
        JSONPatterns.member(.literal(JSON.string(ByteString(name)).writtenCompactly()), value)
    }

    /// Members in order, those that are not required optional, then further ones.
    ///
    /// For every member there are two rules: what follows when a member came before, and when none
    /// did. So the size is linear.
    private mutating func list(
        _ members: [(pattern: Pattern, isRequired: Bool)], _ further: Pattern?, _ path: String
    ) -> Pattern {
        let others = further.map { Pattern.any(.sequence([JSONPatterns.comma, $0])) }
        var after = others ?? .empty
        var alone = further.map { .optional(.sequence([$0, others ?? .empty])) } ?? Pattern.empty
        for (index, member) in members.enumerated().reversed() {
            let name = "\(path) member \(index)"
            let own = Pattern.sequence([
                index == 0 ? member.pattern : shared(member.pattern, name), JSONPatterns.space,
            ])
            let rest = define(name + " after", after)
            let following = Pattern.sequence([JSONPatterns.comma, own, rest])
            let leading = Pattern.sequence([own, rest])
            after = member.isRequired ? following : .choice([following, rest])
            alone =
                member.isRequired ? leading : .choice([leading, define(name + " alone", alone)])
        }
        return alone
    }

    /// What stands in several places, as a rule: else what is nested would double with every level.
    private mutating func shared(_ pattern: Pattern, _ name: String) -> Pattern {
        switch pattern {
        case .literal, .scalars, .rule: pattern
        case .sequence, .choice, .repetition: define(name, pattern)
        }
    }

    private mutating func define(_ name: String, _ pattern: Pattern) -> Pattern {
        let unique = "\(scope)\(definitions.count) \(name)"
        definitions.append((unique, pattern))
        return .rule(unique)
    }
}
