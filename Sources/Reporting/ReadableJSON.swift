import Foundation

/// JSON for people and programs, the same wherever it is written: UTF-8, keys sorted, indented, a
/// line feed at the end.
///
/// Numbers that JSON cannot say are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`, dates are
/// ISO 8601 in UTC.
package enum ReadableJSON {
    private static let specials = (positive: "Infinity", negative: "-Infinity", nan: "NaN")

    /// A value as text, without the last line feed.
    package static func text(of value: some Encodable) throws -> String {
        String(decoding: try bytes(of: value).dropLast(), as: UTF8.self)
    }

    /// Writes a value.
    package static func bytes(of value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: specials.positive, negativeInfinity: specials.negative,
            nan: specials.nan)
        return [UInt8](try encoder.encode(value)) + [0x0A]
    }

    /// Reads a value.
    package static func value<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws
        -> Value
    {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: specials.positive, negativeInfinity: specials.negative,
            nan: specials.nan)
        return try decoder.decode(type, from: Data(bytes))
    }
}
