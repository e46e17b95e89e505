/// The filters of jinja2, with transformers' `tojson`.
///
/// `from_json`, which jinja2 lacks, is there as well: some templates made for other engines use it.
enum Filters {
    typealias Filter = @Sendable (Interpreter, Value, Arguments) throws -> Value

    static let all: [String: Filter] = textual.merging(sequences) { $1 }.merging(choices) { $1 }
        .merging(numeric) { $1 }

    /// Filters of strings.
    private static let textual: [String: Filter] = [
        "upper": { interpreter, value, _ in .text(try interpreter.text(value).uppercased()) },
        "lower": { interpreter, value, _ in .text(try interpreter.text(value).lowercased()) },
        "capitalize": { interpreter, value, _ in .text(try interpreter.text(value).capitalized()) },
        "title": { interpreter, value, _ in .text(TextFilters.titled(try interpreter.text(value)))
        },
        "trim": { interpreter, value, arguments in
            let set = try arguments.bound("trim", ["chars"])[0]
            if case .none? = set { return .text(try interpreter.text(value).stripped(nil)) }
            return .text(
                try interpreter.text(value).stripped(set.map { try StringMethods.part($0) }))
        },
        "string": { interpreter, value, _ in .text(try interpreter.text(value)) },
        "safe": { interpreter, value, _ in
            var text = try interpreter.text(value)
            text.isMarkup = true
            return .text(text)
        },
        "escape": { interpreter, value, _ in .text(Markup.escaped(try interpreter.text(value))) },
        "e": { interpreter, value, _ in .text(Markup.escaped(try interpreter.text(value))) },
        "forceescape": { interpreter, value, _ in
            .text(Markup.escaped(Text(units: try interpreter.text(value).units)))
        },
        "replace": { try TextFilters.replace($0, $1, $2) },
        "format": { interpreter, value, arguments in
            guard arguments.positional.isEmpty || arguments.keywords.isEmpty else {
                throw TemplateError.type(
                    "can't handle positional and keyword arguments at the same time")
            }
            let values: Value =
                arguments.keywords.isEmpty
                ? .tuple(arguments.positional)
                : .dict(try Dict(arguments.keywords.map { (.string($0.name), $0.value) }))
            return .text(
                try PercentFormat.text(try interpreter.text(value), values, in: interpreter))
        },
        "indent": { try TextFilters.indent($0, $1, $2) },
        "center": { interpreter, value, arguments in
            let width = try arguments.bound("center", ["width"])[0] ?? .int(80)
            guard let center = StringMethods.all["center"] else { return value }
            return try center(
                interpreter, interpreter.text(value), Arguments(positional: [width]))
        },
        "truncate": { try TextFilters.truncate($0, $1, $2) },
        "wordcount": { interpreter, value, _ in
            .int(TextFilters.wordCount(try interpreter.text(value)))
        },
        "wordwrap": { try TextFilters.wordWrap($0, $1, $2) },
        "striptags": { interpreter, value, _ in
            .text(TextFilters.withoutTags(try interpreter.text(value)))
        },
        "urlencode": { try TextFilters.urlEncode($0, $1, $2) },
        "xmlattr": { try TextFilters.xmlAttributes($0, $1, $2) },
        "pprint": { interpreter, value, _ in .text(try interpreter.representation(value)) },
        "tojson": { try JSONText.filter($0, $1, $2) },
        "from_json": { try JSONText.parse($0, $1, $2) },
    ]

    /// Filters of whole sequences.
    private static let sequences: [String: Filter] = [
        "length": { interpreter, value, _ in try SequenceFilters.length(interpreter, value) },
        "count": { interpreter, value, _ in try SequenceFilters.length(interpreter, value) },
        "list": { interpreter, value, _ in .list(try interpreter.elements(of: value)) },
        "first": { interpreter, value, _ in
            if case .iterator(let iterator) = value {
                return try iterator.next() ?? .undefined("No first item, sequence was empty.")
            }
            return try interpreter.elements(of: value).first
                ?? .undefined("No first item, sequence was empty.")
        },
        "last": { interpreter, value, _ in
            try SequenceFilters.reversible(value)
            return try interpreter.elements(of: value).last
                ?? .undefined("No last item, sequence was empty.")
        },
        "random": { interpreter, value, _ in
            try interpreter.elements(of: value).first
                ?? .undefined("No random item, sequence was empty.")
        },
        "join": { try SequenceFilters.join($0, $1, $2) },
        "reverse": { interpreter, value, _ in try SequenceFilters.reverse(interpreter, value) },
        "sort": { try SequenceFilters.sort($0, $1, $2) },
        "dictsort": { try SequenceFilters.dictSort($0, $1, $2) },
        "unique": { try SequenceFilters.unique($0, $1, $2) },
        "min": { try SequenceFilters.extreme($0, $1, $2, "min") },
        "max": { try SequenceFilters.extreme($0, $1, $2, "max") },
        "sum": { try SequenceFilters.sum($0, $1, $2) },
        "groupby": { try SequenceFilters.groupBy($0, $1, $2) },
        "batch": { try SequenceFilters.batch($0, $1, $2) },
        "slice": { try SequenceFilters.slice($0, $1, $2) },
        "items": { interpreter, value, _ in
            switch value {
            case .undefined: return .iterator(Iterator("generator", depth: 0) { [] })
            case .dict(let dict):
                return .iterator(Iterator("generator", depth: value.depth + 1) { dict.pairs })
            default:
                return .iterator(
                    Iterator("generator", depth: 0) {
                        throw TemplateError.type("Can only get item pairs from a mapping.")
                    })
            }
        },
    ]

    /// Filters that pick and change elements.
    private static let choices: [String: Filter] = [
        "map": { try SequenceFilters.map($0, $1, $2) },
        "select": { try SequenceFilters.select($0, $1, $2, keeps: true, byAttribute: false) },
        "reject": { try SequenceFilters.select($0, $1, $2, keeps: false, byAttribute: false) },
        "selectattr": { try SequenceFilters.select($0, $1, $2, keeps: true, byAttribute: true) },
        "rejectattr": { try SequenceFilters.select($0, $1, $2, keeps: false, byAttribute: true) },
        "attr": { interpreter, value, arguments in
            let name = try StringMethods.part(arguments.single("attr"))
            if case .dict = value {
                guard DictMethods.all[name.string] != nil else {
                    return .undefined("'dict object' has no attribute '\(name.string)'")
                }
            }
            return try interpreter.attribute(value, name.string)
        },
        "default": { _, value, arguments in try SequenceFilters.fallback(value, arguments) },
        "d": { _, value, arguments in try SequenceFilters.fallback(value, arguments) },
    ]

    /// Filters of numbers.
    private static let numeric: [String: Filter] = [
        "abs": { _, value, _ in try NumberFilters.absolute(value) },
        "int": { _, value, arguments in try NumberFilters.integer(value, arguments) },
        "float": { _, value, arguments in try NumberFilters.float(value, arguments) },
        "round": { try NumberFilters.round($0, $1, $2) },
        "filesizeformat": { try NumberFilters.fileSize($0, $1, $2) },
    ]
}
