/// Unicode's normalization forms (Unicode Standard, section 3.11).
enum UnicodeForm {
    case nfc, nfd, nfkc, nfkd

    private typealias Character = ReferenceText.Character

    /// The normalized text; a composed character comes from where its first one came from.
    func normalized(_ text: ReferenceText) -> ReferenceText {
        if text.scalars.allSatisfy({ $0 < 0x80 }) { return text }
        let decomposed = UnicodeForm.ordered(text.characters.flatMap(decomposed))
        switch self {
        case .nfd, .nfkd: return ReferenceText(decomposed)
        case .nfc, .nfkc: return ReferenceText(UnicodeForm.composed(decomposed))
        }
    }

    private func decomposed(_ character: Character) -> [Character] {
        let isCompatible = self == .nfkc || self == .nfkd
        let parts =
            isCompatible ? UnicodeForm.compatibilityForms[character.scalar] : nil
        return (parts ?? CharacterMapping.decompose(character.scalar)).map {
            Character(scalar: $0, origin: character.origin)
        }
    }

    /// Sorts every run of characters that combine by their classes; equal ones keep their order.
    private static func ordered(_ characters: [Character]) -> [Character] {
        var result = characters
        for index in result.indices {
            let own = combiningClass(result[index].scalar)
            var place = index
            while own > 0, place > 0, combiningClass(result[place - 1].scalar) > own {
                // What comes first comes from where the first one came from.
                let scalar = result[place].scalar
                result[place].scalar = result[place - 1].scalar
                result[place - 1].scalar = scalar
                place -= 1
            }
        }
        return result
    }

    /// Joins every character with the last starter before it, unless something between blocks it.
    private static func composed(_ characters: [Character]) -> [Character] {
        var result: [Character] = []
        var starter: Int?
        for character in characters {
            let own = combiningClass(character.scalar)
            if let starter {
                let last = result[result.count - 1]
                let isAdjacent = result.count - 1 == starter
                let isBlocked = !isAdjacent && combiningClass(last.scalar) >= own
                if !isBlocked, let joined = composite(result[starter].scalar, character.scalar) {
                    result[starter].scalar = joined
                    continue
                }
            }
            if own == 0 { starter = result.count }
            result.append(character)
        }
        return result
    }

    private static func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if (0x1100..<0x1113).contains(first), (0x1161..<0x1176).contains(second) {
            return 0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28
        }
        if (0xAC00...0xD7A3).contains(first), (first - 0xAC00) % 28 == 0,
            (0x11A8..<0x11C3).contains(second)
        {
            return first + second - 0x11A7
        }
        return composites[UInt64(first) << 32 | UInt64(second)]
    }

    private static func combiningClass(_ scalar: UInt32) -> UInt8 {
        if scalar < 0x300 { return 0 }
        var (low, high) = (0, combiningClassTable.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if combiningClassTable[middle] >> 8 <= scalar { low = middle } else { high = middle }
        }
        return UInt8(truncatingIfNeeded: combiningClassTable[low])
    }

    /// What two scalars become, without Hangul: the last two of every decomposition that may be
    /// undone, those before joined already.
    private static let composites: [UInt64: UInt32] = {
        let excluded = Set(compositionExclusionTable)
        let forms = CharacterMapping.decompositions.filter {
            $0.value.count > 1 && !excluded.contains($0.key)
        }
        let scalars = Dictionary(forms.map { ($0.value, $0.key) }) { first, _ in first }
        var result: [UInt64: UInt32] = [:]
        for (scalar, form) in forms {
            let first = form.count == 2 ? form[0] : scalars[Array(form.dropLast())]
            guard let first else { continue }
            result[UInt64(first) << 32 | UInt64(form[form.count - 1])] = scalar
        }
        return result
    }()

    private static let compatibilityForms = CharacterMapping.forms(in: compatibilityTable)
}
