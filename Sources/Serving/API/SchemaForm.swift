import TensorCore

/// Whether a JSON schema is one at all.
///
/// What tools take is described to the model and only sometimes kept to; a description that is no
/// schema is an error in any case.
enum SchemaForm {
    private static let types: Set = [
        "object", "array", "string", "number", "integer", "boolean", "null",
    ]
    /// Keywords whose value is a schema.
    private static let single = ["items", "additionalProperties", "not", "if", "then", "else"]
    /// Keywords whose value is a list of schemas.
    private static let lists = ["anyOf", "oneOf", "allOf", "prefixItems"]
    /// Keywords whose value has schemas under names.
    private static let named = ["properties", "patternProperties", "$defs", "definitions"]

    /// Checks a schema.
    ///
    /// - Parameter path: Where it stands in the request, for errors.
    /// - Throws: An error that names the keyword which has no value of its kind.
    static func check(_ schema: JSON, at path: String) throws(APIError) {
        if schema.boolean != nil { return }
        guard schema.members != nil else { throw wrong(schema, path, "a schema") }
        try checkType(value("type", schema), at: "\(path).type")
        if let required = value("required", schema) {
            guard required.array?.allSatisfy({ $0.text != nil }) == true else {
                throw wrong(required, "\(path).required", "a list of names")
            }
        }
        if let values = value("enum", schema), values.array == nil {
            throw wrong(values, "\(path).enum", "a list")
        }
        for key in single {
            guard let inner = value(key, schema) else { continue }
            // Older drafts have a list of schemas here.
            if key == "items", let list = inner.array {
                try checkList(list, at: "\(path).items")
            } else {
                try check(inner, at: "\(path).\(key)")
            }
        }
        for key in lists {
            guard let inner = value(key, schema) else { continue }
            guard let list = inner.array else { throw wrong(inner, "\(path).\(key)", "a list") }
            try checkList(list, at: "\(path).\(key)")
        }
        for key in named {
            guard let inner = value(key, schema) else { continue }
            guard let members = inner.members else {
                throw wrong(inner, "\(path).\(key)", "an object of schemas")
            }
            for member in members { try check(member.value, at: "\(path).\(key).\(member.key)") }
        }
    }

    /// The value of a keyword; one that is null counts as missing.
    private static func value(_ key: String, _ schema: JSON) -> JSON? {
        guard let value = schema[key], !value.isNull else { return nil }
        return value
    }

    private static func checkList(_ list: [JSON], at path: String) throws(APIError) {
        for (index, schema) in list.enumerated() { try check(schema, at: "\(path)[\(index)]") }
    }

    private static func checkType(_ type: JSON?, at path: String) throws(APIError) {
        guard let type else { return }
        for name in type.array ?? [type] where !types.contains(name.text ?? "") {
            let found = name.text.map { "\"\($0)\"" } ?? name.kindName
            throw .field(path, "\(found) found, expected \(types.sorted().joined(separator: ", "))")
        }
    }

    private static func wrong(_ value: JSON, _ path: String, _ expected: String) -> APIError {
        .field(path, "\(value.kindName) found, expected \(expected)", code: "invalid_type")
    }
}
