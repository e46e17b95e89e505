/// Reads Prometheus' text format 0.0.4, and OpenMetrics as far as it is the same.
///
/// A line that cannot be read is left out and told by its number: one broken metric must not blind
/// whoever watches. What is no list of metrics at all is an error of the caller's to tell.
///
/// Source: Prometheus' documentation, "Exposition formats".
public enum ExpositionParser {
    /// The most bytes of an exposition.
    public static let byteLimit = 32 << 20
    /// The most bytes of a line.
    static let lineLimit = 1 << 16
    /// The most samples.
    static let sampleLimit = 500_000
    /// The most labels of a sample.
    static let labelLimit = 64

    /// Reads a whole exposition in O(bytes).
    public static func parse(_ bytes: [UInt8]) -> Exposition {
        var exposition = Exposition()
        var count = 0
        var number = 0
        for var line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        {
            number += 1
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            func fault(_ problem: String) {
                exposition.add(MetricFault(line: number, problem: problem))
            }
            guard line.count <= lineLimit else {
                fault("longer than \(lineLimit) bytes")
                continue
            }
            var cursor = LineCursor(line)
            cursor.skipSpaces()
            guard let first = cursor.byte, first != UInt8(ascii: "#") else { continue }
            guard count < sampleLimit else {
                fault("more than \(sampleLimit) samples")
                break
            }
            do throws(LineCursor.Fault) {
                exposition.add(try cursor.sample())
                count += 1
            } catch {
                fault(error.problem)
            }
        }
        return exposition
    }
}

/// A place in a line of metrics.
private struct LineCursor {
    struct Fault: Error { let problem: String }

    private let bytes: ArraySlice<UInt8>
    private var index: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    var byte: UInt8? { index < bytes.endIndex ? bytes[index] : nil }

    mutating func skipSpaces() {
        while byte == 0x20 || byte == 0x09 { index += 1 }
    }

    private mutating func take(_ wanted: UInt8) -> Bool {
        guard byte == wanted else { return false }
        index += 1
        return true
    }

    private func fault(_ expected: String) -> Fault {
        let found =
            byte.map {
                (0x21...0x7E).contains($0)
                    ? "'\(Character(UnicodeScalar($0)))'" : "byte 0x" + String($0, radix: 16)
            } ?? "the line's end"
        return Fault(
            problem:
                "\(found) found at column \(index - bytes.startIndex + 1), expected \(expected)")
    }

    mutating func sample() throws(Fault) -> MetricSample {
        var labels: [String: String] = [:]
        // A quoted name inside the braces, as newer servers may write it.
        var name = byte == UInt8(ascii: "{") ? "" : try word("a metric's name", colons: true)
        skipSpaces()
        if take(UInt8(ascii: "{")) {
            skipSpaces()
            while !take(UInt8(ascii: "}")) {
                guard labels.count < ExpositionParser.labelLimit else {
                    throw Fault(problem: "more than \(ExpositionParser.labelLimit) labels")
                }
                let isQuoted = byte == UInt8(ascii: "\"")
                let label = isQuoted ? try text() : try word("a label's name", colons: false)
                skipSpaces()
                if isQuoted, name.isEmpty, byte != UInt8(ascii: "=") {
                    name = label
                } else {
                    guard take(UInt8(ascii: "=")) else { throw fault("'='") }
                    skipSpaces()
                    labels[label] = try text()
                }
                skipSpaces()
                if take(UInt8(ascii: ",")) {
                    skipSpaces()
                } else if byte != UInt8(ascii: "}") {
                    throw fault("',' or '}'")
                }
            }
            skipSpaces()
        }
        guard !name.isEmpty else { throw Fault(problem: "no metric's name found") }
        let value = try number()
        skipSpaces()
        try checkRest()
        return MetricSample(name, labels: labels, value: value)
    }

    private mutating func word(_ what: String, colons: Bool) throws(Fault) -> String {
        let start = index
        while let byte {
            let isLetter =
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || byte == UInt8(ascii: "_") || (colons && byte == UInt8(ascii: ":"))
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            guard isLetter || (isDigit && index > start) else { break }
            index += 1
        }
        guard index > start else { throw fault(what) }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func text() throws(Fault) -> String {
        guard take(UInt8(ascii: "\"")) else { throw fault("'\"'") }
        var result: [UInt8] = []
        while let found = byte {
            index += 1
            switch found {
            case UInt8(ascii: "\""): return String(decoding: result, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = byte else { throw fault("a character behind '\\'") }
                index += 1
                switch escaped {
                case UInt8(ascii: "n"): result.append(0x0A)
                case UInt8(ascii: "\\"), UInt8(ascii: "\""): result.append(escaped)
                // Unknown escapes are kept, as Prometheus keeps them.
                default: result += [found, escaped]
                }
            default: result.append(found)
            }
        }
        throw fault("a closing '\"'")
    }

    private mutating func number() throws(Fault) -> Double {
        let start = index
        while let byte, byte != 0x20, byte != 0x09 { index += 1 }
        let word = String(decoding: bytes[start..<index], as: UTF8.self)
        switch word.lowercased() {
        case "+inf", "inf", "+infinity", "infinity": return .infinity
        case "-inf", "-infinity": return -.infinity
        case "nan", "+nan", "-nan": return .nan
        default: break
        }
        // `Double` also reads hexadecimal.
        guard word.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }),
            let value = Double(word)
        else {
            index = start
            throw fault("a number")
        }
        return value
    }

    /// A time may follow, and an exemplar, neither of which is needed.
    private mutating func checkRest() throws(Fault) {
        guard byte != nil, byte != UInt8(ascii: "#") else { return }
        _ = try number()
        skipSpaces()
        guard byte == nil || byte == UInt8(ascii: "#") else { throw fault("the line's end") }
    }
}
