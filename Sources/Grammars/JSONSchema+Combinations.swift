import TensorCore

extension JSONSchemaReader {
    // MARK: Combinations

    mutating func alternatives(
        _ list: JSON, _ keyword: String, type: JSON?, _ path: String
    ) throws(GrammarError) -> Pattern {
        guard var schemas = list.array, !schemas.isEmpty else {
            throw fault(keyword, "expected a list of schemas", path)
        }
        if let type {
            schemas = try schemas.map { schema throws(GrammarError) in
                guard let members = schema.members, schema["$ref"] == nil else {
                    throw fault("type", "cannot be kept beside this \(keyword)", path)
                }
                guard let own = schema["type"] else {
                    return .object(members + [JSON.Member(key: "type", value: type)])
                }
                guard own == type else {
                    throw fault("type", "is not that of every schema in \(keyword)", path)
                }
                return schema
            }
        }
        if keyword == "oneOf" {
            guard schemas.count <= 64 else {
                throw fault("oneOf", "more than 64 alternatives cannot be told apart", path)
            }
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
    func merged(
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

    mutating func reference(
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
