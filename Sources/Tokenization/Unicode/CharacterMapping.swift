/// Case and decomposition of scalars, from tables that do not change with the operating system.
enum CharacterMapping {
    private static let lowercaseForms: [UInt32: UInt32] = {
        var forms: [UInt32: UInt32] = [:]
        for index in stride(from: 0, to: lowercaseTable.count - 1, by: 2) {
            forms[lowercaseTable[index]] = lowercaseTable[index + 1]
        }
        return forms
    }()

    /// Full canonical decompositions, without Hangul syllables.
    static let decompositions = forms(in: decompositionTable)

    /// Scalars and what they become, from a table of both.
    static func forms(in table: [UInt32]) -> [UInt32: [UInt32]] {
        var result: [UInt32: [UInt32]] = [:]
        var index = 0
        while index < table.count {
            let count = Int(table[index] >> 24)
            result[table[index] & 0xFFFFFF] = Array(table[(index + 1)...].prefix(count))
            index += 1 + count
        }
        return result
    }

    /// The simple lower-case form.
    static func lowercase(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 { return (0x41...0x5A).contains(scalar) ? scalar + 0x20 : scalar }
        return lowercaseForms[scalar] ?? scalar
    }

    /// The full canonical decomposition (NFD of one scalar).
    static func decompose(_ scalar: UInt32) -> [UInt32] {
        if scalar < 0xC0 { return [scalar] }
        if (0xAC00...0xD7A3).contains(scalar) {
            // Hangul syllables are computed (Unicode Standard, section 3.12).
            let index = scalar - 0xAC00
            let parts = [0x1100 + index / 588, 0x1161 + index % 588 / 28, 0x11A7 + index % 28]
            return index % 28 == 0 ? Array(parts.dropLast()) : parts
        }
        return decompositions[scalar] ?? [scalar]
    }

    /// Appends a scalar as UTF-8.
    static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        guard let scalar = Unicode.Scalar(scalar) else { return }
        bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
    }
}
