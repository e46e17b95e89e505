import TensorCore

/// A SentencePiece model run as SentencePiece runs it.
///
/// Source: `normalizer.cc`, `bpe_model.cc` and `unigram_model.cc` of
/// <https://github.com/google/sentencepiece> as far as they decide about ids.
struct ReferenceSentencePiece {
    private let model: SentencePieceModel
    private let map: CompiledCharacterMap
    /// The ids of pieces that text can become.
    private var pieces: [ByteString: Int32] = [:]
    private var byteTokens: [Int32?] = []
    private var unknown: Int32 = 0
    private let userDefined: [[UInt8]]
    private let longest: Int
    private let isFairseq: Bool

    private static let mark: [UInt8] = Array("▁".utf8)

    /// - Parameter isFairseq: Whether ids count four tokens of fairseq's own for the first three.
    init(_ model: SentencePieceModel, isFairseq: Bool = false) throws(TokenizationError) {
        self.model = model
        self.isFairseq = isFairseq
        map =
            model.precompiledCharsmap.isEmpty
            ? .identity : try CompiledCharacterMap(model.precompiledCharsmap)
        var ids: [ByteString: Int32] = [:]
        for (index, piece) in model.pieces.enumerated() {
            let id = Int32(truncatingIfNeeded: index)
            ids[piece.text] = id
            switch piece.type {
            case .normal, .userDefined, .unused: pieces[piece.text] = id
            case .unknown: unknown = id
            case .control, .byte: break
            }
        }
        byteTokens = (0..<256).map {
            ReferenceModel.byteTokens([UInt8($0)], ids)?.first
        }
        userDefined = model.pieces.filter { $0.type == .userDefined }.map(\.text.bytes)
        longest = model.pieces.map(\.text.bytes.count).max() ?? 0
    }

    /// The tokens of a text.
    func encode(_ scalars: [UInt32]) -> [Int32] {
        let text = normalize(ReferenceText.bytes(scalars))
        let parts = model.algorithm == .bpe ? joinPairs(text) : bestPath(text)
        var result: [Int32] = []
        var previousIsUnknown = false
        for part in parts {
            let bytes = Array(text[part])
            let id = pieces[ByteString(bytes: bytes)]
            if let id {
                result.append(id)
            } else if model.byteFallback {
                result += bytes.map { byteTokens[Int($0)] ?? unknown }
            } else if !previousIsUnknown {
                result.append(unknown)
            }
            previousIsUnknown = id == nil
        }
        return isFairseq ? result.map { $0 == unknown ? 3 : $0 + 1 } : result
    }

    // MARK: Normalization

    private func normalize(_ input: [UInt8]) -> [UInt8] {
        var chunks: [[UInt8]] = []
        var position = 0
        while position < input.count {
            let kept = userDefinedLength(input, position)
            if kept > 0 {
                chunks.append(Array(input[position..<(position + kept)]))
                position += kept
            } else if let known = map.knownBeginnings(of: input[position...]).last {
                chunks.append(known.replacement)
                position += known.byteCount
            } else {
                let count = ReferenceSentencePiece.characterLength(input, position)
                chunks.append(Array(input[position..<(position + count)]))
                position += count
            }
        }
        let space = UInt8(ascii: " ")
        let isClean = model.removeExtraWhitespaces
        let written = model.escapeWhitespaces ? ReferenceSentencePiece.mark : [space]
        if isClean { chunks = Array(chunks.drop { $0 == [space] }) }
        if chunks.isEmpty { return [] }
        var result: [UInt8] = []
        let addsMark = model.addDummyPrefix
        if addsMark, !model.treatsWhitespaceAsSuffix { result += written }
        var followsSpace = isClean
        for chunk in chunks {
            let kept = followsSpace ? chunk.drop { $0 == space } : chunk[...]
            guard !kept.isEmpty else { continue }
            for byte in kept { result += byte == space ? written : [byte] }
            followsSpace = isClean && kept.last == space
        }
        while isClean, result.suffix(written.count).elementsEqual(written) {
            result.removeLast(written.count)
        }
        if addsMark, model.treatsWhitespaceAsSuffix { result += written }
        return result
    }

    private func userDefinedLength(_ text: [UInt8], _ position: Int) -> Int {
        userDefined.filter { text[position...].starts(with: $0) }.map(\.count).max() ?? 0
    }

    private static func characterLength(_ text: [UInt8], _ position: Int) -> Int {
        unsafe text.withUnsafeBufferPointer {
            unsafe UTF8Units(bytes: $0).unit(at: position, end: $0.count).byteCount
        }
    }

    // MARK: BPE

    /// Joins the pair whose piece has the highest score, the leftmost of several, until none is left.
    private func joinPairs(_ text: [UInt8]) -> [Range<Int>] {
        var symbols: [(range: Range<Int>, isFrozen: Bool)] = []
        var position = 0
        while position < text.count {
            let kept = userDefinedLength(text, position)
            let count = kept > 0 ? kept : ReferenceSentencePiece.characterLength(text, position)
            symbols.append((position..<(position + count), kept > 0))
            position += count
        }
        // How a piece that is not used was made: it is taken apart in the end.
        var origins: [ByteString: (Range<Int>, Range<Int>)] = [:]
        while true {
            var best: (score: Float, index: Int)?
            for index in symbols.indices.dropLast() {
                let (left, right) = (symbols[index], symbols[index + 1])
                guard !left.isFrozen, !right.isFrozen else { continue }
                let whole = ByteString(text[left.range.lowerBound..<right.range.upperBound])
                guard let id = pieces[whole] else { continue }
                let piece = model.pieces[Int(id)]
                if piece.type == .unused { origins[whole] = (left.range, right.range) }
                if piece.score > best?.score ?? -.infinity { best = (piece.score, index) }
            }
            guard let best else { break }
            let right = symbols.remove(at: best.index + 1)
            let left = symbols[best.index]
            symbols[best.index].range = left.range.lowerBound..<right.range.upperBound
        }
        func parts(_ range: Range<Int>) -> [Range<Int>] {
            let whole = ByteString(text[range])
            guard let id = pieces[whole], model.pieces[Int(id)].type == .unused,
                let (left, right) = origins[whole]
            else { return [range] }
            // The parts were recorded where the piece stood first; here it stands elsewhere.
            let middle = range.lowerBound + left.count
            return parts(range.lowerBound..<middle) + parts(middle..<(middle + right.count))
        }
        return symbols.flatMap { parts($0.range) }
    }

    // MARK: Unigram

    private func bestPath(_ text: [UInt8]) -> [Range<Int>] {
        let scores = model.pieces.filter { $0.type == .normal }.map(\.score)
        let (least, most) = (scores.min() ?? 0, scores.max() ?? 0)
        var best = [(score: Float, start: Int)?](repeating: nil, count: text.count + 1)
        best[0] = (0, 0)
        var next = 0
        while next < text.count {
            let start = next
            next += ReferenceSentencePiece.characterLength(text, start)
            guard let here = best[start]?.score else { continue }
            func offer(_ end: Int, _ score: Float) {
                if let other = best[end], other.score >= here + score { return }
                best[end] = (here + score, start)
            }
            var hasSingle = false
            for end in (start + 1)..<(min(text.count, start + longest) + 1) {
                guard let id = pieces[ByteString(text[start..<end])] else { continue }
                let piece = model.pieces[Int(id)]
                switch piece.type {
                case .normal: offer(end, piece.score)
                case .userDefined: offer(end, Float(end - start) * most - 0.1)
                default: continue
                }
                if end == next { hasSingle = true }
            }
            if !hasSingle { offer(next, least - 10) }
        }
        var result: [Range<Int>] = []
        var end = text.count
        while end > 0, let step = best[end] {
            result.append(step.start..<end)
            end = step.start
        }
        return result.reversed()
    }
}
