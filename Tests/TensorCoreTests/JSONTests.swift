import TensorCore
import Testing

@Suite struct JSONTests {
    @Test(arguments: [
        ("null", JSON.null), (" true ", .bool(true)), ("-12", .integer(-12)),
        ("1e3", .real(1000)), ("0.5", .real(0.5)), ("\"a\\u00e9\\ud83d\\ude00\"", .string("aé😀")),
        ("[]", .array([])), ("[1, [2]]", .array([.integer(1), .array([.integer(2)])])),
        (
            "{\"b\": 1, \"a\": 2}",
            .object([.init(key: "b", value: .integer(1)), .init(key: "a", value: .integer(2))])
        ),
        ("9223372036854775808", .real(9223372036854775808)), ("Infinity", .real(.infinity)),
    ])
    func parses(_ text: String, _ expected: JSON) throws {
        #expect(try JSON.parse(Array(text.utf8)) == expected)
    }

    @Test(arguments: [
        ("", JSONError.Kind.unexpectedEnd, 0), ("{", .unexpectedEnd, 1),
        ("[1,]", .unexpectedByte(UInt8(ascii: "]"), expected: "a value"), 3),
        ("[1 2]", .unexpectedByte(UInt8(ascii: "2"), expected: "',' or ']'"), 3),
        ("{\"a\":1,\"a\":2}", .duplicateKey("a"), 7),
        ("01", .invalidNumber("01"), 0), ("1.", .invalidNumber("1."), 0),
        ("-", .invalidNumber("-"), 0), ("1.e3", .invalidNumber("1.e3"), 0),
        ("\"\\ud800\"", .invalidString("half a surrogate pair"), 7),
        ("\"\u{1}\"", .invalidString("a control character that is not escaped"), 1),
        ("nul", .unexpectedByte(UInt8(ascii: "n"), expected: "a value"), 0),
        ("1 1", .unexpectedByte(UInt8(ascii: "1"), expected: "the end of the text"), 2),
    ])
    func refuses(_ text: String, _ kind: JSONError.Kind, _ offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSON.parse(Array(text.utf8)) }
        #expect(error?.kind == kind)
        #expect(error?.offset == offset)
    }

    @Test func refusesDeepNesting() {
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try JSON.parse(Array(text.utf8)) }
    }

    @Test func refusesBytesThatAreNotUTF8() {
        #expect(throws: JSONError.self) { try JSON.parse([0x22, 0xFF, 0x22]) }
    }

    // Swift's String would call these two keys equal and lose one of the tokens.
    @Test func keepsCanonicallyEquivalentKeysApart() throws {
        let value = try JSON.parse(Array("{\"\u{E9}\": 1, \"e\u{301}\": 2}".utf8))
        #expect(value.members?.count == 2)
        #expect(value["\u{E9}"]?.integer == 1)
        #expect(value["e\u{301}"]?.integer == 2)
    }

    @Test func everyTruncationIsAnErrorAndNoTrap() {
        let text = Array(
            "{\"a\": [1, -2.5e3, \"x\\u0041\\n\", true, null], \"b\": {\"c\": {}}}".utf8)
        for count in 0..<text.count {
            #expect(throws: JSONError.self) { try JSON.parse(Array(text[..<count])) }
        }
    }
}
