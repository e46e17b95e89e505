/// What Python knows about characters.
enum Characters {
    /// `str.isspace`.
    static func isSpace(_ unit: UInt32) -> Bool {
        switch unit & Text.scalarMask {
        case 9...13, 28...32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
            0x3000:
            true
        default: false
        }
    }

    /// What ends a line for `str.splitlines`.
    static func isLineBreak(_ unit: UInt32) -> Bool {
        switch unit & Text.scalarMask {
        case 10...13, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    /// `str.isprintable`.
    static func isPrintable(_ unit: UInt32) -> Bool {
        let value = unit & Text.scalarMask
        if value < 0x7F { return value >= 0x20 }
        guard let scalar = Unicode.Scalar(value) else { return false }
        return switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            false
        default: true
        }
    }

    private static func category(_ unit: UInt32) -> Unicode.GeneralCategory {
        Unicode.Scalar(unit & Text.scalarMask)?.properties.generalCategory ?? .surrogate
    }

    /// `str.isalpha`.
    static func isLetter(_ unit: UInt32) -> Bool {
        switch category(unit) {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            true
        default: false
        }
    }

    /// `str.isdecimal`.
    static func isDecimal(_ unit: UInt32) -> Bool { category(unit) == .decimalNumber }

    /// `str.isdigit`.
    static func isDigit(_ unit: UInt32) -> Bool {
        guard let scalar = Unicode.Scalar(unit & Text.scalarMask) else { return false }
        return switch scalar.properties.numericType {
        case .decimal?, .digit?: true
        default: false
        }
    }

    /// `str.isnumeric`.
    static func isNumeric(_ unit: UInt32) -> Bool {
        Unicode.Scalar(unit & Text.scalarMask)?.properties.numericType != nil
    }

    /// `\w` of a regular expression.
    static func isWord(_ unit: UInt32) -> Bool {
        let value = unit & Text.scalarMask
        return value == 0x5F || isLetter(value) || isNumeric(value)
    }

    /// Whether a name may begin with it.
    static func startsName(_ unit: UInt32) -> Bool {
        let value = unit & Text.scalarMask
        return value == 0x5F
            || Unicode.Scalar(value)?.properties.isXIDStart == true
    }

    /// Whether a name may go on with it.
    static func continuesName(_ unit: UInt32) -> Bool {
        Unicode.Scalar(unit & Text.scalarMask)?.properties.isXIDContinue == true
    }

    static func isUpper(_ unit: UInt32) -> Bool {
        Unicode.Scalar(unit & Text.scalarMask)?.properties.isUppercase == true
    }
    static func isLower(_ unit: UInt32) -> Bool {
        Unicode.Scalar(unit & Text.scalarMask)?.properties.isLowercase == true
    }
    static func isTitle(_ unit: UInt32) -> Bool { category(unit) == .titlecaseLetter }
    /// Whether it has a case at all.
    static func isCased(_ unit: UInt32) -> Bool { isUpper(unit) || isLower(unit) || isTitle(unit) }

    /// Decimal value of a digit of any script.
    static func digit(_ unit: UInt32) -> Int? {
        let value = unit & Text.scalarMask
        if (48...57).contains(value) { return Int(value) - 48 }
        guard value > 127, isDecimal(value),
            let number = Unicode.Scalar(value)?.properties.numericValue
        else { return nil }
        return Int(number)
    }

    enum Case { case upper, lower, title }

    /// The scalars of another case, with the mark of `unit`.
    static func mapped(_ unit: UInt32, to letterCase: Case) -> [UInt32] {
        let value = unit & Text.scalarMask
        if value < 128 {
            switch letterCase {
            case .lower: return [(65...90).contains(value) ? unit + 32 : unit]
            case .upper, .title: return [(97...122).contains(value) ? unit - 32 : unit]
            }
        }
        guard let properties = Unicode.Scalar(value)?.properties else { return [unit] }
        let mapping =
            switch letterCase {
            case .upper: properties.uppercaseMapping
            case .lower: properties.lowercaseMapping
            case .title: properties.titlecaseMapping
            }
        let mark = unit & Text.valueMark
        return mapping.unicodeScalars.map { $0.value | mark }
    }
}

extension Text {
    func uppercased() -> Text {
        Text(units: units.flatMap { Characters.mapped($0, to: .upper) }, isMarkup: isMarkup)
    }

    func lowercased() -> Text {
        var result: [UInt32] = []
        result.reserveCapacity(count)
        for index in units.indices { result += lowered(at: index) }
        return Text(units: result, isMarkup: isMarkup)
    }

    /// The lower case of one scalar: a sigma at the end of a word has a form of its own.
    private func lowered(at index: Int) -> [UInt32] {
        guard self[index] == 0x3A3 else { return Characters.mapped(units[index], to: .lower) }
        func isIgnorable(_ unit: UInt32) -> Bool {
            Text.scalar(unit).properties.isCaseIgnorable
        }
        let before = units[..<index].last { !isIgnorable($0) }
        let after = units[(index + 1)...].first { !isIgnorable($0) }
        let isFinal =
            before.map(Characters.isCased) == true && after.map(Characters.isCased) != true
        return [(isFinal ? 0x3C2 : 0x3C3) | (units[index] & Text.valueMark)]
    }

    func capitalized() -> Text {
        guard let first = units.first else { return self }
        let lower = lowercased()
        // The first scalar's lower case may be several scalars long.
        let skipped = Characters.mapped(first, to: .lower).count
        return Text(
            units: Characters.mapped(first, to: .title) + lower.units.dropFirst(skipped),
            isMarkup: isMarkup)
    }

    /// Without the scalars of `set` (white space when `nil`) at its ends.
    func stripped(_ set: Text?, leading: Bool = true, trailing: Bool = true) -> Text {
        let members = set.map { Set($0.scalars) }
        func isStripped(_ unit: UInt32) -> Bool {
            members.map { $0.contains(unit & Text.scalarMask) } ?? Characters.isSpace(unit)
        }
        var range = 0..<count
        if leading {
            while let first = range.first, isStripped(units[first]) { range.removeFirst() }
        }
        if trailing {
            while let last = range.last, isStripped(units[last]) { range.removeLast() }
        }
        return Text(units: units[range], isMarkup: isMarkup)
    }

    /// The lines, without their ends unless `keepsEnds`.
    func lines(keepsEnds: Bool = false) -> [Text] {
        var result: [Text] = []
        var start = 0
        var index = 0
        while index < count {
            guard Characters.isLineBreak(units[index]) else {
                index += 1
                continue
            }
            let end = index
            index += self[index] == 13 && index + 1 < count && self[index + 1] == 10 ? 2 : 1
            result.append(Text(units: units[start..<(keepsEnds ? index : end)]))
            start = index
        }
        if start < count { result.append(Text(units: units[start...])) }
        return result
    }
}
