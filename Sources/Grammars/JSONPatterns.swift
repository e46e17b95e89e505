/// The texts of JSON values.
enum JSONPatterns {
    /// White space between the parts of a value: none, a space, or a line break with indentation.
    ///
    /// Bounded, so that a text cannot go on with nothing but white space.
    static let space = Pattern.choice([
        .empty, .text(" "),
        .sequence([
            .text("\n"), .repetition(.scalars([9...9, 32...32]), minimum: 0, maximum: 20),
        ]),
    ])

    private static let digit = Pattern.scalars([48...57])
    private static let hexadecimal = Pattern.scalars([48...57, 65...70, 97...102])

    /// One scalar of a string as JSON writes it; escapes of half surrogates are left out.
    static let character = Pattern.choice([
        .scalars(
            ScalarSet.intersection([0x20...0x21, 0x23...0x5B, 0x5D...0x10FFFF], ScalarSet.all)),
        .sequence([
            .text("\\"),
            .scalars([
                34...34, 47...47, 92...92, 98...98, 102...102, 110...110, 114...114, 116...116,
            ]),
        ]),
        .sequence([
            .text("\\u"),
            .choice([
                .sequence([
                    .scalars([48...57, 65...67, 69...70, 97...99, 101...102]), hexadecimal,
                    hexadecimal, hexadecimal,
                ]),
                .sequence([
                    .scalars([68...68, 100...100]), .scalars([48...55]), hexadecimal, hexadecimal,
                ]),
            ]),
        ]),
    ])

    static func string(minimum: Int = 0, maximum: Int? = nil) -> Pattern {
        quoted(.repetition(character, minimum: minimum, maximum: maximum))
    }

    static func quoted(_ pattern: Pattern) -> Pattern {
        .sequence([.text("\""), pattern, .text("\"")])
    }

    static let natural = Pattern.choice([
        .text("0"), .sequence([.scalars([49...57]), .repetition(digit, minimum: 0, maximum: 15)]),
    ])
    static let integer = Pattern.sequence([.optional(.text("-")), natural])
    static let fraction = Pattern.sequence([
        .optional(.sequence([.text("."), .repetition(digit, minimum: 1, maximum: 16)])),
        .optional(
            .sequence([
                .scalars([69...69, 101...101]), .optional(.scalars([43...43, 45...45])),
                .repetition(digit, minimum: 1, maximum: 3),
            ])),
    ])
    static let number = Pattern.sequence([integer, fraction])
    static let boolean = Pattern.choice([.text("true"), .text("false")])

    /// Parts between two brackets with commas; each part brings no white space of its own.
    static func bracketed(_ open: String, _ content: Pattern, _ close: String) -> Pattern {
        .sequence([.text(open), space, content, .text(close)])
    }

    static let comma = Pattern.sequence([.text(","), space])

    /// A list of `minimum` to `maximum` of `item`, without brackets.
    static func list(_ item: Pattern, minimum: Int, maximum: Int?) -> Pattern {
        if maximum == 0 { return .empty }
        let spaced = Pattern.sequence([item, space])
        let more = Pattern.repetition(
            .sequence([comma, spaced]), minimum: max(0, minimum - 1),
            maximum: maximum.map { $0 - 1 })
        let some = Pattern.sequence([spaced, more])
        return minimum == 0 ? .optional(some) : some
    }

    static func member(_ key: Pattern, _ value: Pattern) -> Pattern {
        .sequence([key, space, .text(":"), space, value])
    }

    /// The rules of any value: `value`, `object`, `array`.
    static let rules: [(name: String, pattern: Pattern)] = [
        (
            "value",
            .choice([
                .rule("object"), .rule("array"), .rule("string"), number, boolean, .text("null"),
            ])
        ),
        (
            "object",
            bracketed(
                "{", list(member(.rule("string"), .rule("value")), minimum: 0, maximum: nil), "}")
        ),
        ("array", bracketed("[", list(.rule("value"), minimum: 0, maximum: nil), "]")),
        ("string", string()),
    ]

    /// A string of none of these texts; its characters are not escaped.
    static func string(except texts: [String]) -> Pattern {
        let plain = ScalarSet.intersection(
            [0x20...0x21, 0x23...0x5B, 0x5D...0x10FFFF], ScalarSet.all)
        return quoted(others(texts.map { Array($0.unicodeScalars.map(\.value)) }, plain))
    }

    private static func others(
        _ texts: [[UInt32]], _ plain: [ClosedRange<UInt32>]
    ) -> Pattern {
        let groups = Dictionary(grouping: texts.filter { !$0.isEmpty }, by: { $0[0] })
        let known = ScalarSet.normalized(groups.keys.map { $0...$0 })
        let rest = ScalarSet.intersection(plain, ScalarSet.complement(known))
        var choices: [Pattern] = [.sequence([.scalars(rest), .any(.scalars(plain))])]
        if !texts.contains([]) { choices.append(.empty) }
        for (first, group) in groups.sorted(by: { $0.key < $1.key }) {
            choices.append(
                .sequence([
                    .scalars([first...first]), others(group.map { Array($0.dropFirst()) }, plain),
                ]))
        }
        return .choice(choices)
    }

    // MARK: Integers in bounds

    /// Integers from `minimum` to `maximum`.
    static func integer(minimum: Int?, maximum: Int?) -> Pattern {
        if let minimum, let maximum, minimum > maximum { return .nothing }
        var choices: [Pattern] = []
        // From zero up.
        if maximum ?? 0 >= 0 {
            choices.append(natural(from: max(0, minimum ?? 0), to: maximum))
        }
        // Below zero, by magnitude.
        if minimum ?? -1 < 0 {
            let largest = minimum.map { Int(clamping: $0.magnitude) }
            let smallest = maximum.map { $0 < 0 ? Int(clamping: $0.magnitude) : 1 } ?? 1
            choices.append(.sequence([.text("-"), natural(from: smallest, to: largest)]))
        }
        return .choice(choices)
    }

    private static func natural(from low: Int, to high: Int?) -> Pattern {
        guard let high else {
            let digits = String(low).count
            let limit = String(repeating: "9", count: digits)
            let same = Int(limit).map { between(low, $0) } ?? .text(String(low))
            let longer = Pattern.sequence([
                .scalars([49...57]), .repetition(digit, minimum: digits, maximum: max(digits, 17)),
            ])
            return .choice([same, longer])
        }
        var choices: [Pattern] = []
        var start = low
        while start <= high {
            let limit = Int(String(repeating: "9", count: String(start).count)) ?? high
            choices.append(between(start, min(limit, high)))
            if limit >= high { break }
            start = limit + 1
        }
        return .choice(choices)
    }

    /// Numbers of as many digits as both bounds have.
    private static func between(_ low: Int, _ high: Int) -> Pattern {
        between(
            Array(String(low).unicodeScalars.map(\.value)),
            Array(String(high).unicodeScalars.map(\.value)))
    }

    private static func between(_ low: [UInt32], _ high: [UInt32]) -> Pattern {
        guard let first = low.first, let last = high.first else { return .empty }
        let (lowRest, highRest) = (Array(low.dropFirst()), Array(high.dropFirst()))
        let nines = [UInt32](repeating: 57, count: lowRest.count)
        let zeros = [UInt32](repeating: 48, count: lowRest.count)
        func starting(_ range: ClosedRange<UInt32>, _ rest: Pattern) -> Pattern {
            .sequence([.scalars([range]), rest])
        }
        if first == last { return starting(first...first, between(lowRest, highRest)) }
        var choices: [Pattern] = []
        var (inner, outer) = (first, last)
        if lowRest != zeros {
            choices.append(starting(first...first, between(lowRest, nines)))
            inner += 1
        }
        if highRest != nines {
            choices.append(starting(last...last, between(zeros, highRest)))
            outer -= 1
        }
        if inner <= outer {
            choices.append(
                starting(
                    inner...outer,
                    .repetition(digit, minimum: lowRest.count, maximum: lowRest.count)))
        }
        return .choice(choices)
    }
}
