/// The names of a kind of tensor in a checkpoint: `model.layers.{bid}.mlp.experts.{xid}.up_proj.weight`.
///
/// `{bid}` stands for the number of a block (layer), `{xid}` for that of an expert; each occurs at
/// most once.
public struct TensorPattern: Sendable, Hashable {
    /// Which tensor of its kind a name means.
    public struct Place: Sendable, Hashable {
        /// The block; 0 for tensors outside blocks.
        public var block = 0
        /// The expert; 0 for tensors that are not one expert's.
        public var expert = 0
    }

    private enum Piece: Sendable, Hashable {
        case text([UInt8])
        case block
        case expert
    }

    /// The pattern as it was written.
    public let text: String
    private let pieces: [Piece]

    /// Reads a pattern.
    @inline(never)
    public init(_ text: String) {
        self.text = text
        var pieces: [Piece] = []
        var rest = Array(text.utf8)[...]
        while let next = rest.firstIndex(of: UInt8(ascii: "{")) {
            let marker: Piece? =
                rest[next...].starts(with: "{bid}".utf8)
                ? .block : rest[next...].starts(with: "{xid}".utf8) ? .expert : nil
            guard let marker else { break }
            if next > rest.startIndex { pieces.append(.text(Array(rest[..<next]))) }
            pieces.append(marker)
            rest = rest[(next + 5)...]
        }
        if !rest.isEmpty { pieces.append(.text(Array(rest))) }
        self.pieces = pieces
    }

    /// Whether there is one such tensor in every block.
    public var isPerBlock: Bool { pieces.contains(.block) }

    /// Whether there is one such tensor for every expert.
    public var isPerExpert: Bool { pieces.contains(.expert) }

    /// The place that a tensor's name means, or `nil` when the pattern is not about it.
    ///
    /// Numbers are plain decimals without leading zeros, so that a place has one name.
    public func place(of name: some Collection<UInt8>) -> Place? {
        guard let (place, rest) = match(name), rest.isEmpty else { return nil }
        return place
    }

    /// The place that the front of a tensor's name means, or `nil` when the pattern is not about it.
    public func place(ofNameBeginning name: some Collection<UInt8>) -> Place? {
        match(name)?.place
    }

    private func match<Name: Collection<UInt8>>(
        _ name: Name
    ) -> (place: Place, rest: Name.SubSequence)? {
        var place = Place()
        var rest = name[...]
        for piece in pieces {
            if case .text(let literal) = piece {
                guard rest.starts(with: literal) else { return nil }
                rest = rest.dropFirst(literal.count)
                continue
            }
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard digits.count == 1 || digits.first != UInt8(ascii: "0"),
                let number = Int(String(decoding: digits, as: UTF8.self))
            else { return nil }
            if piece == .block { place.block = number } else { place.expert = number }
            rest = rest.dropFirst(digits.count)
        }
        return (place, rest)
    }

    /// The name of a block's tensor, with `expert` in place of the expert's number.
    public func name(block: Int, expert: String = "0") -> String {
        pieces.reduce(into: "") { name, piece in
            switch piece {
            case .text(let bytes): name += String(decoding: bytes, as: UTF8.self)
            case .block: name += "\(block)"
            case .expert: name += expert
            }
        }
    }

    /// A name with `#` for every part that is a number: what names of a kind have in common.
    ///
    /// Looking it up saves comparing tens of thousands of experts' tensors with every rule.
    @inline(never)
    public static func skeleton(of name: String) -> String {
        name.split(separator: ".", omittingEmptySubsequences: false).map { part in
            !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? "#" : part
        }.joined(separator: ".")
    }

    /// Where `part` first occurs in `name`.
    @inline(never)
    static func find(_ part: String, in name: String) -> Range<String.Index>? {
        var start = name.startIndex
        while start < name.endIndex {
            if name[start...].hasPrefix(part) {
                return start..<name.index(start, offsetBy: part.count)
            }
            start = name.index(after: start)
        }
        return nil
    }
}
