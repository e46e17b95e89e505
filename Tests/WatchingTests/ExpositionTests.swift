import TensorCore
import Testing
import Watching

/// Metrics as servers write them, and as they should not.
@Suite struct ExpositionTests {
    private func parse(_ text: String) -> Exposition { ExpositionParser.parse(Array(text.utf8)) }

    @Test func samplesAreRead() {
        let exposition = parse(
            """
            # HELP a_total Something.
            # TYPE a_total counter
            a_total 3
            a_total{model="m",path="C:\\\\x \\"y\\"\\nz \\d",} 4.5e3 1700000000000
            vllm:b{le="+Inf"}\t+Inf
              c NaN
            {"d.e",x="1"} -2 # {trace="z"} 7
            f 1 # {trace="z"} 7 1.5\r
            # EOF
            """)
        #expect(exposition.faults.isEmpty, "\(exposition.faults)")
        let labels = ["model": "m", "path": "C:\\x \"y\"\nz \\d"]
        #expect(
            exposition.samples["a_total"] == [
                MetricSample("a_total", value: 3),
                MetricSample("a_total", labels: labels, value: 4500),
            ])
        #expect(exposition.samples["vllm_b"]?.first?.value == .infinity)
        #expect(exposition.samples["c"]?.first?.value.isNaN == true)
        #expect(exposition.samples["d.e"] == [MetricSample("d.e", labels: ["x": "1"], value: -2)])
        #expect(exposition.samples["f"]?.count == 1)
    }

    static let faults: [(line: String, words: String)] = [
        ("a", "the line's end found at column 2, expected a number"),
        ("a b", "'b' found at column 3, expected a number"),
        ("a 0x10", "expected a number"), ("a 1 2 3", "expected the line's end"),
        ("a{b} 1", "'}' found at column 4, expected '='"),
        ("a{b=\"c} 1", "expected a closing '\"'"), ("a{b=c} 1", "expected '\"'"),
        ("a{b=\"c\" d=\"e\"} 1", "expected ',' or '}'"), ("a{", "expected a label's name"),
        ("{} 1", "no metric's name found"), ("7a 1", "'7' found at column 1"),
        ("<html>", "'<' found at column 1, expected a metric's name"),
        ("a{b=\"\\", "expected a character behind '\\'"), ("\u{7F} 1", "byte 0x7f"),
    ]

    @Test func linesThatCannotBeReadAreToldByTheirNumber() {
        for (line, words) in Self.faults {
            let exposition = parse("good 1\n\(line)\nbetter 2\n")
            #expect(exposition.samples.count == 2, "\(line)")
            #expect(exposition.faults.map(\.line) == [2], "\(line)")
            #expect(
                exposition.faults.first?.problem.contains(words) == true, "\(exposition.faults)")
        }
    }

    @Test func everythingIsBounded() {
        let long = parse("a{b=\"" + String(repeating: "x", count: 70_000) + "\"} 1\nc 1\n")
        #expect(long.samples.count == 1 && long.faults.first?.problem.contains("longer") == true)
        let labels = (0..<70).map { "l\($0)=\"\"" }.joined(separator: ",")
        #expect(parse("a{\(labels)} 1").faults.first?.problem.contains("more than 64") == true)
        let broken = parse(String(repeating: "?\n", count: 1000))
        #expect(broken.faults.count == 20 && broken.faultCount == 1000)
    }

    /// Every beginning of a line is read or told, never a trap.
    @Test func truncationIsHarmless() {
        let text = Array("a{b=\"c\\n\",d=\"e\"} 1.5e3 17 # {x=\"y\"} 1".utf8)
        for count in 0...text.count {
            let exposition = ExpositionParser.parse(Array(text[..<count]))
            #expect(exposition.samples.count + exposition.faultCount <= 1)
        }
    }
}
