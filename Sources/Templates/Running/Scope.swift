/// Variables of a part of a template; those of the parts around it are seen through it.
final class Scope {
    var variables: [String: Value] = [:]
    let parent: Scope?

    init(parent: Scope?) { self.parent = parent }

    subscript(name: String) -> Value? {
        var scope: Scope? = self
        while let current = scope {
            if let value = current.variables[name] { return value }
            scope = current.parent
        }
        return nil
    }
}

/// What a call was given.
struct Arguments {
    var positional: [Value] = []
    var keywords: [(name: String, value: Value)] = []

    /// The arguments in the order of the parameters' names, `nil` where none was given.
    func bound(
        _ function: String, _ names: [String], required: Int = 0
    ) throws -> [Value?] {
        guard positional.count <= names.count else {
            throw TemplateError.type(
                "\(function)() takes at most \(names.count) arguments (\(positional.count) given)")
        }
        var result: [Value?] = positional
        result += [Value?](repeating: nil, count: names.count - positional.count)
        for (name, value) in keywords {
            guard let index = names.firstIndex(of: name) else {
                throw TemplateError.type(
                    "\(function)() got an unexpected keyword argument '\(name)'")
            }
            guard result[index] == nil else {
                throw TemplateError.type("\(function)() got multiple values for argument '\(name)'")
            }
            result[index] = value
        }
        if let missing = result.prefix(required).firstIndex(where: { $0 == nil }) {
            throw TemplateError.type(
                "\(function)() missing required argument: '\(names[missing])'")
        }
        return result
    }

    /// The one argument that there may be.
    func single(_ function: String) throws -> Value {
        guard positional.count == 1, keywords.isEmpty else {
            throw TemplateError.type(
                "\(function)() takes exactly one argument (\(positional.count) given)")
        }
        return positional[0]
    }

    /// Throws when there are any.
    func none(_ function: String) throws {
        guard positional.isEmpty, keywords.isEmpty else {
            throw TemplateError.type("\(function)() takes no arguments")
        }
    }
}
