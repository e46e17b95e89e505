import TensorCore

/// The normalizer of a `tokenizer.json`, step by step as `tokenizers` apply it.
struct ReferenceNormalizer {
    private enum Step {
        case form(UnicodeForm)
        case replace(ReferencePattern, [UInt32])
        case characterMap(CompiledCharacterMap)
        case plain(Normalizer)
    }

    private let steps: [Step]

    /// - Throws: `TokenizationError` for steps that cannot be run here.
    init(_ normalizer: Normalizer?) throws(TokenizationError) {
        var steps: [Step] = []
        for step in normalizer?.steps ?? [] {
            switch step {
            case .nfc: steps.append(.form(.nfc))
            case .nfd: steps.append(.form(.nfd))
            case .nfkc: steps.append(.form(.nfkc))
            case .nfkd: steps.append(.form(.nfkd))
            case .replace(let pattern, let content):
                steps.append(
                    .replace(try ReferencePattern(pattern), ReferenceText.scalars(content)))
            case .precompiled(let base64):
                guard let bytes = Base64.decode(base64) else {
                    throw TokenizationError(
                        .wrongKind(found: "something else", expected: "Base64"),
                        place: "normalizer.precompiled_charsmap")
                }
                if !bytes.isEmpty { steps.append(.characterMap(try CompiledCharacterMap(bytes))) }
            case .other(let type):
                throw TokenizationError(
                    .unsupported("the normalizer \(type)"), place: "normalizer")
            default: steps.append(.plain(step))
            }
        }
        self.steps = steps
    }

    /// The normalized text.
    func normalized(_ text: ReferenceText) -> ReferenceText {
        var text = text
        for step in steps {
            switch step {
            case .form(let form): text.normalize(form)
            case .replace(let pattern, let content):
                text.replace(pattern.matches(in: text), with: content)
            case .characterMap(let map): text.apply(map)
            case .plain(let normalizer): text.apply(normalizer)
            }
        }
        return text
    }
}

extension ReferenceText {
    fileprivate mutating func apply(_ normalizer: Normalizer) {
        switch normalizer {
        case .lowercase: replaceEach(CharacterClass.lowercase)
        case .stripAccents: filter { !CharacterClass.isMark($0) }
        case .strip(let left, let right): strip(left: left, right: right)
        case .prepend(let content): prepend(ReferenceText.scalars(content))
        case .bert(let cleanText, let handleChineseChars, let stripAccents, let lowercase):
            if cleanText { clean() }
            if handleChineseChars {
                replaceEach { CharacterClass.isIdeograph($0) ? [0x20, $0, 0x20] : [$0] }
            }
            if stripAccents ?? lowercase {
                normalize(.nfd)
                filter { !CharacterClass.isNonspacingMark($0) }
            }
            if lowercase { replaceEach(CharacterClass.lowercase) }
        case .nmt: applyNmt()
        case .byteLevel: writeBytes()
        default: break
        }
    }

    /// Writes the text's bytes in the byte alphabet.
    mutating func writeBytes() {
        replaceEach { ReferenceText.bytes([$0]).map { ByteAlphabet.scalars[Int($0)] } }
    }

    private mutating func strip(left: Bool, right: Bool) {
        if left {
            characters = Array(characters.drop { CharacterClass.isWhitespace($0.scalar) })
        }
        while right, let last = characters.last, CharacterClass.isWhitespace(last.scalar) {
            characters.removeLast()
        }
    }

    /// BERT's cleaning: control characters go, white space becomes a space.
    private mutating func clean() {
        func isControl(_ scalar: UInt32) -> Bool {
            ![0x09, 0x0A, 0x0D].contains(scalar) && CharacterClass.isOther(scalar)
        }
        filter { $0 != 0 && $0 != 0xFFFD && !isControl($0) }
        replaceEach { CharacterClass.isWhitespace($0) ? [0x20] : [$0] }
    }

    private mutating func applyNmt() {
        filter { scalar in
            switch scalar {
            case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: false
            default: true
            }
        }
        replaceEach { scalar in
            switch scalar {
            case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF,
                0xFFFD:
                [0x20]
            default: [scalar]
            }
        }
    }

    /// Applies SentencePiece's map as `tokenizers` do: short clusters as a whole, else every
    /// character, and the shortest known beginning decides.
    fileprivate mutating func apply(_ map: CompiledCharacterMap) {
        var view = String.UnicodeScalarView()
        for scalar in scalars { if let scalar = Unicode.Scalar(scalar) { view.append(scalar) } }
        var result: [Character] = []
        var position = 0
        for cluster in String(view) {
            let part = Array(characters[position..<(position + cluster.unicodeScalars.count)])
            position += part.count
            func append(_ part: [Character], _ replacement: [UInt8]) {
                result += ReferenceText.scalars(ByteString(bytes: replacement)).map {
                    Character(scalar: $0, origin: part[0].origin)
                }
            }
            let bytes = ReferenceText.bytes(part.map(\.scalar))
            if bytes.count < 6, let known = map.knownBeginnings(of: bytes).first {
                append(part, known.replacement)
                continue
            }
            for character in part {
                let bytes = ReferenceText.bytes([character.scalar])
                if let known = map.knownBeginnings(of: bytes).first {
                    append([character], known.replacement)
                } else {
                    result.append(character)
                }
            }
        }
        characters = result
    }
}

extension CompiledCharacterMap {
    /// The beginnings of a text that the map knows, shortest first, and what they become.
    func knownBeginnings(
        of text: some Sequence<UInt8>
    ) -> [(byteCount: Int, replacement: [UInt8])] {
        var result: [(Int, [UInt8])] = []
        guard let root = units.first else { return [] }
        var node = CompiledCharacterMap.offset(root)
        for (index, byte) in text.enumerated() {
            node ^= Int(byte)
            guard byte != 0, node < units.count else { break }
            let unit = units[node]
            guard unit & 0x8000_00FF == UInt32(byte) else { break }
            node ^= CompiledCharacterMap.offset(unit)
            guard unit >> 8 & 1 == 1 else { continue }
            guard node < units.count else { break }
            let value = Int(units[node] & 0x7FFF_FFFF)
            guard value < replacements.count else { break }
            result.append((index + 1, Array(replacements[value...].prefix { $0 != 0 })))
        }
        return result
    }
}
