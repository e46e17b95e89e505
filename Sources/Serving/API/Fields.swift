import TensorCore

/// The members of an object in a request: each is taken once, and what nobody takes is an error.
///
/// A member that is null counts as missing.
struct Fields {
    /// Where the object stands, for errors: empty, or such as `messages[0]`.
    let path: String
    private var members: [String: JSON] = [:]

    init(_ json: JSON, at path: String = "") throws(APIError) {
        self.path = path
        guard let list = json.members else {
            throw APIError(
                400,
                (path.isEmpty ? "the body" : path) + ": \(json.kindName) found, expected an object",
                field: path.isEmpty ? nil : path, code: "invalid_type")
        }
        for member in list where !member.value.isNull {
            members[member.key.description] = member.value
        }
    }

    /// The full name of a member.
    func name(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    private func wrongType(_ key: String, _ value: JSON, _ expected: String) -> APIError {
        .field(name(key), "\(value.kindName) found, expected \(expected)", code: "invalid_type")
    }

    /// Whether there is such a member that nobody has taken.
    func has(_ key: String) -> Bool { members[key] != nil }

    /// The members that nobody has taken.
    var allMembers: [String: JSON] { members }

    /// Adds a member.
    mutating func put(_ key: String, _ value: JSON) { members[key] = value }

    mutating func take(_ key: String) -> JSON? { members.removeValue(forKey: key) }

    mutating func text(_ key: String) throws(APIError) -> String? {
        guard let value = take(key) else { return nil }
        guard let text = value.text else { throw wrongType(key, value, "a string") }
        return text
    }

    mutating func boolean(_ key: String) throws(APIError) -> Bool? {
        guard let value = take(key) else { return nil }
        guard let boolean = value.boolean else { throw wrongType(key, value, "true or false") }
        return boolean
    }

    mutating func integer(
        _ key: String, in range: ClosedRange<Int> = Int.min...Int.max
    ) throws(APIError) -> Int? {
        guard let value = take(key) else { return nil }
        guard let integer = value.integer else { throw wrongType(key, value, "an integer") }
        guard range.contains(integer) else {
            let limit =
                range.upperBound > 1 << 31
                ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
            throw .field(name(key), "\(integer) found, expected \(limit)")
        }
        return integer
    }

    mutating func number(
        _ key: String, in range: ClosedRange<Double>
    ) throws(APIError) -> Float? {
        guard let value = take(key) else { return nil }
        guard let number = value.double else { throw wrongType(key, value, "a number") }
        guard range.contains(number) else {
            func plain(_ bound: Double) -> String {
                bound == bound.rounded() ? "\(Int(bound))" : "\(bound)"
            }
            throw .field(
                name(key),
                "\(number) found, expected \(plain(range.lowerBound)) to \(plain(range.upperBound))"
            )
        }
        return Float(number)
    }

    mutating func list(_ key: String) throws(APIError) -> [JSON]? {
        guard let value = take(key) else { return nil }
        guard let list = value.array else { throw wrongType(key, value, "a list") }
        return list
    }

    mutating func fields(_ key: String) throws(APIError) -> Fields? {
        guard let value = take(key) else { return nil }
        return try Fields(value, at: name(key))
    }

    /// Strings of a member that is one string or a list of them.
    mutating func texts(_ key: String) throws(APIError) -> [String]? {
        guard let value = take(key) else { return nil }
        if let text = value.text { return [text] }
        guard let list = value.array else {
            throw wrongType(key, value, "a string or a list of strings")
        }
        var result: [String] = []
        for (index, element) in list.enumerated() {
            guard let text = element.text else {
                throw wrongType("\(key)[\(index)]", element, "a string")
            }
            result.append(text)
        }
        return result
    }

    /// Leaves out members that change nothing about an answer.
    mutating func ignore(_ keys: [String]) {
        for key in keys { members[key] = nil }
    }

    /// Throws when there is a member that nobody took: nothing is ignored.
    func finish() throws(APIError) {
        guard let key = members.keys.sorted().first else { return }
        throw APIError(
            400, "\(name(key)): this parameter is not supported", field: name(key),
            code: "unsupported_parameter")
    }
}

extension JSON {
    /// A string.
    static func text(_ text: String) -> JSON { .string(ByteString(text)) }

    /// An object of the members that have a value.
    static func object(_ pairs: KeyValuePairs<String, JSON?>) -> JSON {
        .object(
            pairs.compactMap { key, value in
                value.map { JSON.Member(key: ByteString(key), value: $0) }
            })
    }
}
