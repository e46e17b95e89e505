import TensorCore

/// Which part of a piece of work that is done in several: the K-th of N.
public struct PartNumber: Sendable, Hashable, CustomStringConvertible {
    /// Its number, from 1.
    public let number: Int
    /// How many parts there are.
    public let count: Int

    /// The most parts that there can be: names have five digits.
    public static let countLimit = 99_999

    /// The part `number` of `count`; `nil` where there is no such part.
    public init?(_ number: Int, of count: Int) {
        guard (1...PartNumber.countLimit).contains(count), (1...count).contains(number) else {
            return nil
        }
        self.number = number
        self.count = count
    }

    /// Reads `3/8`; `nil` for anything else.
    public init?(parsing text: String) {
        let words = text.split(separator: "/", omittingEmptySubsequences: false)
        guard words.count == 2, let number = Int(words[0]), let count = Int(words[1]) else {
            return nil
        }
        self.init(number, of: count)
    }

    /// Such as `3 of 8`.
    public var description: String { "\(number) of \(count)" }

    /// What a part's name has behind the output's: `.part-00003-of-00008`.
    public var suffix: String {
        ".part-\(PartNumber.digits(number))-of-\(PartNumber.digits(count))"
    }

    /// The path of the part of the output at `path`.
    public func path(of path: String) -> String { path + suffix }

    /// The path of the manifest beside the part of the output at `path`.
    public func manifestPath(of path: String) -> String {
        path + suffix + PartNumber.manifestEnding
    }

    /// What a manifest's name has behind the part's.
    public static let manifestEnding = ".manifest.json"

    /// The output that a part or its manifest is named after, and which part; `nil` for other names.
    public static func parse(path: String) -> (output: String, part: PartNumber)? {
        var rest = Substring(path)
        if rest.hasSuffix(manifestEnding) { rest = rest.dropLast(manifestEnding.count) }
        func number(after word: String) -> Int? {
            let digits = rest.suffix(5)
            guard digits.count == 5, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return nil
            }
            rest = rest.dropLast(5)
            guard rest.hasSuffix(word) else { return nil }
            rest = rest.dropLast(word.count)
            return Int(digits)
        }
        guard let count = number(after: "-of-"), let own = number(after: ".part-"),
            let part = PartNumber(own, of: count), !rest.isEmpty
        else { return nil }
        return (String(rest), part)
    }

    private static func digits(_ value: Int) -> String {
        let text = "\(value)"
        return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }
}
