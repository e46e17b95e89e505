import Evaluation
import Foundation
import Reporting
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Counts elements and keeps what JUnit readers show.
private final class JUnitReader: NSObject, XMLParserDelegate {
    var cases: [(level: String, name: String)] = []
    var failures: [String] = []
    var suites: [[String: String]] = []
    var names: Set<String> = []
    private(set) var isWellFormed = false

    init(_ text: String) {
        super.init()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = self
        isWellFormed = parser.parse()
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
        qualifiedName: String?, attributes: [String: String] = [:]
    ) {
        names.insert(name)
        switch name {
        case "testcase":
            cases.append((attributes["classname"] ?? "", attributes["name"] ?? ""))
        case "failure": failures.append(attributes["message"] ?? "")
        case "testsuites", "testsuite": suites.append(attributes)
        default: break
        }
    }
}

@Suite("JUnit XML")
struct JUnitTests {
    private let gates = [
        Gate(.meanDivergence, level: "Q2_K", limit: 1), Gate(.sameTopToken, limit: 0.4),
    ]

    @Test("has a test case for each level and gate, failures with their figures")
    func cases() throws {
        let report = SampleReport.six
        let reader = JUnitReader(report.junit(try report.checks(of: gates)))
        #expect(reader.isWellFormed)
        #expect(reader.cases.count == 7)
        #expect(reader.cases[0].level == "Q2_K")
        #expect(reader.cases[0].name == "mean KL divergence at most 1.0")
        #expect(
            reader.failures == [
                "Q2_K: mean KL divergence 1.94000 ± 0.014, allowed at most 1.0"
            ])
        for suite in reader.suites {
            #expect(suite["tests"] == "7" && suite["failures"] == "1")
        }
        #expect(reader.suites.count == 2)
        #expect(reader.suites.last?["timestamp"] == "2026-11-22T19:30:00Z")
    }

    @Test("stays well-formed whatever the names are", arguments: ["hostile", "full"])
    func hostile(name: String) throws {
        let report = try #require(SampleReport.named[name])
        let checks = try report.checks(of: [Gate(.meanDivergence, limit: 1e-9)])
        let text = report.junit(checks)
        let reader = JUnitReader(text)
        #expect(reader.isWellFormed)
        #expect(reader.cases.count == 6 && reader.failures.count == 6)
        #expect(
            reader.names == [
                "testsuites", "testsuite", "properties", "property", "testcase", "failure",
            ])
        for scalar: Unicode.Scalar in ["\u{1B}", "\u{202E}", "\u{0}", "\u{FFFE}"] {
            #expect(!text.unicodeScalars.contains(scalar))
        }
    }
}
