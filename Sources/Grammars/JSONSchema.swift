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
        let pattern = try reader.pattern(jsonSchema, "#")
        try self.init(
            rules: [("root", pattern)] + JSONPatterns.rules + reader.definitions, root: "root")
    }
}

/// Turns schemas into patterns.
struct JSONSchemaReader {
    private let root: JSON
    /// What the names of rules begin with, where several schemas are part of a grammar.
    private let scope: String
    /// The schemas that references lead to, as rules.
    private(set) var definitions: [(name: String, pattern: Pattern)] = []
    private var names: [String: String] = [:]
    private var depth = 0

    init(root: JSON, scope: String = "") {
        self.root = root
        self.scope = scope
    }

    /// Keywords that say nothing about texts.
    private static let annotations: Set<String> = [
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

    private func fault(_ keyword: String, _ reason: String, _ path: String) -> GrammarError {
        GrammarError(.keyword(keyword, reason), place: path)
    }

    /// The pattern of a schema; `path` is where it stands.
    mutating func pattern(_ schema: JSON, _ path: String) throws(GrammarError) -> Pattern {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 64 else { throw fault("schema", "more than 64 levels", path) }
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
            return .literal(value.writtenCompactly())
        }
        if let values = schema["enum"] {
            try check(keys, allowed: ["enum", "type"], with: "enum", path)
            guard let values = values.array, !values.isEmpty else {
                throw fault("enum", "expected a list of values", path)
            }
            return .choice(values.map { .literal($0.writtenCompactly()) })
        }
        for keyword in ["anyOf", "oneOf"] {
            guard let list = schema[keyword] else { continue }
            try check(keys, allowed: [keyword, "type"], with: keyword, path)
            return try alternatives(list, keyword, path)
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
        case .array(let names)?: types = names.compactMap(\.text)
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
        let date = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        let time =
            "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?"
            + "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
        return [
            "date": "^\(date)$", "time": "^\(time)$", "date-time": "^\(date)T\(time)$",
            "uuid": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        ]
    }()

    // MARK: Arrays and objects

    private mutating func array(_ schema: JSON, _ path: String) throws(GrammarError) -> Pattern {
        let minimum = try count(schema, "minItems", path) ?? 0
        let maximum = try count(schema, "maxItems", path)
        if let maximum, maximum < minimum { throw fault("maxItems", "is below minItems", path) }
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
        let item = try pattern(rest ?? .bool(true), path + "/items")
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

    private mutating func object(_ schema: JSON, _ path: String) throws(GrammarError) -> Pattern {
        let properties = schema["properties"]?.members ?? []
        var required = (schema["required"]?.array ?? []).compactMap(\.text)
        var members: [(pattern: Pattern, isRequired: Bool)] = []
        for property in properties {
            let name = property.key.description
            let value = try pattern(property.value, "\(path)/properties/\(name)")
            members.append((Self.member(name, value), required.contains(name)))
            required.removeAll { $0 == name }
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
            let own = Pattern.sequence([member.pattern, JSONPatterns.space])
            let rest = define(name + " after", after)
            let following = Pattern.sequence([JSONPatterns.comma, own, rest])
            let leading = Pattern.sequence([own, rest])
            after = member.isRequired ? following : .choice([following, rest])
            alone =
                member.isRequired ? leading : .choice([leading, define(name + " alone", alone)])
        }
        return alone
    }

    private mutating func define(_ name: String, _ pattern: Pattern) -> Pattern {
        let unique = "\(scope)\(definitions.count) \(name)"
        definitions.append((unique, pattern))
        return .rule(unique)
    }

    // MARK: Combinations

    private mutating func alternatives(
        _ list: JSON, _ keyword: String, _ path: String
    ) throws(GrammarError) -> Pattern {
        guard let schemas = list.array, !schemas.isEmpty else {
            throw fault(keyword, "expected a list of schemas", path)
        }
        if keyword == "oneOf" {
            for (index, first) in schemas.enumerated() {
                for second in schemas[(index + 1)...] where !areApart(first, second) {
                    throw fault(
                        "oneOf", "alternatives that could both hold cannot be kept; expected anyOf",
                        path)
                }
            }
        }
        var choices: [Pattern] = []
        for (index, schema) in schemas.enumerated() {
            choices.append(try pattern(schema, "\(path)/\(keyword)/\(index)"))
        }
        return .choice(choices)
    }

    /// Whether two schemas have other types, other values, or a member that tells them apart.
    private func areApart(_ left: JSON, _ right: JSON) -> Bool {
        let (left, right) = (resolved(left), resolved(right))
        if let left = values(left), let right = values(right) {
            return !left.contains { right.contains($0) }
        }
        if let left = left["type"]?.text, let right = right["type"]?.text, left != right {
            return Set([left, right]) != ["integer", "number"]
        }
        let required = Set((left["required"]?.array ?? []).compactMap(\.text))
            .intersection((right["required"]?.array ?? []).compactMap(\.text))
        return required.contains { name in
            guard let left = left["properties"]?[name].flatMap(values),
                let right = right["properties"]?[name].flatMap(values)
            else { return false }
            return !left.contains { right.contains($0) }
        }
    }

    private func values(_ schema: JSON) -> [JSON]? {
        schema["const"].map { [$0] } ?? schema["enum"]?.array
    }

    private func resolved(_ schema: JSON) -> JSON {
        schema["$ref"]?.text.flatMap(target) ?? schema
    }

    /// Schemas of objects that all hold, as one.
    private func merged(
        _ list: JSON, into schema: JSON, _ path: String
    ) throws(GrammarError) -> JSON {
        guard let schemas = list.array else {
            throw fault("allOf", "expected a list of schemas", path)
        }
        var members: [JSON.Member] = []
        var properties: [JSON.Member] = []
        var required: [JSON] = []
        let own = (schema.members ?? []).filter { $0.key != "allOf" }
        for part in [JSON.object(own)] + schemas.map(resolved) {
            guard let keywords = part.members else {
                throw fault("allOf", "expected objects", path)
            }
            for keyword in keywords {
                switch keyword.key {
                case "properties":
                    for property in keyword.value.members ?? [] {
                        guard !properties.contains(where: { $0.key == property.key }) else {
                            throw fault("allOf", "two schemas for \(property.key)", path)
                        }
                        properties.append(property)
                    }
                case "required": required += keyword.value.array ?? []
                default:
                    if Self.annotations.contains(keyword.key.description) { continue }
                    if let known = members.first(where: { $0.key == keyword.key }) {
                        guard known.value == keyword.value else {
                            throw fault("allOf", "two values of \(keyword.key)", path)
                        }
                        continue
                    }
                    members.append(keyword)
                }
            }
        }
        if !properties.isEmpty {
            members.append(JSON.Member(key: "properties", value: .object(properties)))
        }
        if !required.isEmpty {
            members.append(JSON.Member(key: "required", value: .array(required)))
        }
        return .object(members)
    }

    // MARK: References

    private func target(_ reference: String) -> JSON? {
        guard reference.hasPrefix("#") else { return nil }
        var schema = root
        for part in reference.dropFirst().split(separator: "/") {
            let name = String(part).replacing("~1", with: "/").replacing("~0", with: "~")
            if let index = Int(name), let list = schema.array {
                guard list.indices.contains(index) else { return nil }
                schema = list[index]
            } else {
                guard let next = schema[name] else { return nil }
                schema = next
            }
        }
        return schema
    }

    private mutating func reference(
        _ reference: JSON, _ path: String
    ) throws(GrammarError) -> Pattern {
        guard let text = reference.text else { throw fault("$ref", "expected a text", path) }
        if let name = names[text] { return .rule(name) }
        guard let schema = target(text) else {
            throw fault("$ref", "\(text) leads nowhere in this schema", path)
        }
        let name = "\(scope)reference \(text)"
        names[text] = name
        let pattern = try pattern(schema, text)
        definitions.append((name, pattern))
        return .rule(name)
    }
}
