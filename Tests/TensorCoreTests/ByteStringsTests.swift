import TensorCore
import Testing

@Suite struct ByteStringsTests {
    private static let texts: [ByteString] = [
        "", "a", "é", ByteString(bytes: [0xFF, 0, 0x80]), "", "a longer entry than the others",
    ]

    @Test func entriesComeBackAsTheyWere() {
        let strings = ByteStrings(Self.texts)
        #expect(strings.count == Self.texts.count)
        #expect(Array(strings) == Self.texts)
        #expect(Array(strings.reversed()) == Self.texts.reversed())
        #expect(Array(strings[1..<3]) == ["a", "é"])
        #expect(ByteStrings().isEmpty)
    }

    @Test func equalBytesInOtherEntriesAreNotEqual() {
        #expect(ByteStrings(["ab", "c"]) != ByteStrings(["a", "bc"]))
        #expect(ByteStrings(["abc"]) != ByteStrings(["abc", ""]))
        #expect(ByteStrings(Self.texts) == ByteStrings(Self.texts))
        #expect(MetadataValue.strings(["a", "b"]) == .strings(ByteStrings(["a", "b"])))
    }
}
