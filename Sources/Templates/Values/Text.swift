/// A string of a template: Unicode scalars, each marked when it comes from a value that the
/// template was given and not from the template itself.
///
/// The mark travels with the scalar through every operation (slices, `split`, `replace`, `upper`),
/// so the output can tell what users wrote. Equality and hashes do not look at it.
struct Text: Sendable {
    /// The mark of a scalar that comes from a value.
    static let valueMark: UInt32 = 1 << 31
    /// What remains without the mark.
    static let scalarMask: UInt32 = valueMark - 1

    /// The scalars with their marks.
    var units: [UInt32]
    /// Whether the text is marked as safe HTML, as `safe` and `escape` do.
    var isMarkup = false

    init(units: [UInt32] = [], isMarkup: Bool = false) {
        self.units = units
        self.isMarkup = isMarkup
    }

    init(units: ArraySlice<UInt32>, isMarkup: Bool = false) {
        self.init(units: Array(units), isMarkup: isMarkup)
    }

    /// Text of the template's own.
    init(_ string: String, isValue: Bool = false) {
        units = string.unicodeScalars.map { isValue ? $0.value | Text.valueMark : $0.value }
    }

    var count: Int { units.count }
    var isEmpty: Bool { units.isEmpty }

    /// The scalar at `index` without its mark.
    subscript(index: Int) -> UInt32 { units[index] & Text.scalarMask }

    /// The scalars without their marks.
    var scalars: [UInt32] { units.map { $0 & Text.scalarMask } }

    /// The text as a Swift string; half surrogates become U+FFFD.
    var string: String { Text.string(units[...]) }

    static func string(_ units: ArraySlice<UInt32>) -> String {
        var view = String.UnicodeScalarView()
        for unit in units { view.append(scalar(unit)) }
        return String(view)
    }

    /// The scalar of a unit; U+FFFD for what is none.
    static func scalar(_ unit: UInt32) -> Unicode.Scalar {
        Unicode.Scalar(unit & scalarMask) ?? "\u{FFFD}"
    }

    /// Whether any of it comes from a value.
    var hasValue: Bool { units.contains { $0 & Text.valueMark != 0 } }

    static func += (left: inout Text, right: Text) { left.units += right.units }
    static func += (left: inout Text, right: String) {
        left.units += right.unicodeScalars.lazy.map(\.value)
    }
    static func + (left: Text, right: Text) -> Text { Text(units: left.units + right.units) }
}

extension Text: Hashable {
    static func == (left: Text, right: Text) -> Bool {
        left.count == right.count && left.starts(with: right, at: 0)
    }

    func hash(into hasher: inout Hasher) {
        unsafe scalars.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }

    /// Whether `other` stands at `index`.
    func starts(with other: Text, at index: Int) -> Bool {
        guard index >= 0, other.count <= count - index else { return false }
        for offset in 0..<other.count
        where (units[index + offset] ^ other.units[offset]) & Text.scalarMask != 0 {
            return false
        }
        return true
    }

    /// Whether it comes before `other` by the order of scalars.
    func precedes(_ other: Text) -> Bool {
        for (left, right) in zip(units, other.units) {
            let (left, right) = (left & Text.scalarMask, right & Text.scalarMask)
            if left != right { return left < right }
        }
        return count < other.count
    }

    static func == (left: Text, right: String) -> Bool {
        left.units.lazy.map { $0 & Text.scalarMask }.elementsEqual(
            right.unicodeScalars.lazy.map(\.value))
    }
}

extension Text {
    /// Finds texts in another in linear time (Knuth, Morris, Pratt).
    struct Finder {
        private let pattern: [UInt32]
        private let failure: [Int]

        init(_ pattern: Text) {
            let scalars = pattern.scalars
            var failure = [Int](repeating: 0, count: scalars.count)
            var length = 0
            var index = 1
            while index < scalars.count {
                while length > 0, scalars[index] != scalars[length] { length = failure[length - 1] }
                if scalars[index] == scalars[length] { length += 1 }
                failure[index] = length
                index += 1
            }
            self.pattern = scalars
            self.failure = failure
        }

        /// Where the pattern first stands in `text` from `start` on, and before `end`.
        func first(in text: Text, from start: Int, to end: Int) -> Int? {
            guard !pattern.isEmpty else { return start <= end ? start : nil }
            guard end - start >= pattern.count else { return nil }
            var length = 0
            for index in start..<end {
                let scalar = text[index]
                while length > 0, scalar != pattern[length] { length = failure[length - 1] }
                if scalar == pattern[length] { length += 1 }
                if length == pattern.count { return index - length + 1 }
            }
            return nil
        }
    }

    /// Where `pattern` first stands.
    func firstIndex(of pattern: Text, from start: Int = 0, to end: Int? = nil) -> Int? {
        Finder(pattern).first(in: self, from: start, to: end ?? count)
    }

    /// Where `pattern` last stands between `start` and `end`.
    func lastIndex(of pattern: Text, from start: Int, to end: Int) -> Int? {
        guard start <= end else { return nil }
        if pattern.isEmpty { return end }
        let reversed = Text(units: Array(units[start..<end].reversed()))
        let found = Finder(Text(units: Array(pattern.units.reversed())))
            .first(in: reversed, from: 0, to: reversed.count)
        return found.map { end - $0 - pattern.count }
    }

    /// Where `pattern` stands, without overlap.
    func indices(of pattern: Text, limit: Int = .max) -> [Int] {
        let finder = Finder(pattern)
        var result: [Int] = []
        var start = 0
        while result.count < limit, let index = finder.first(in: self, from: start, to: count) {
            result.append(index)
            start = index + pattern.count
        }
        return result
    }

    /// The parts between scalars `separator`, empty ones too.
    func split(at separator: UInt32) -> [Text] {
        units.split(omittingEmptySubsequences: false) { $0 & Text.scalarMask == separator }
            .map { Text(units: $0) }
    }

    /// The texts joined with this one between them.
    func joining(_ texts: [Text]) -> Text {
        var result: [UInt32] = []
        for (index, text) in texts.enumerated() {
            if index > 0 { result += units }
            result += text.units
        }
        return Text(units: result)
    }
}
