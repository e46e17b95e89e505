import Evaluation
import Foundation
import Reporting
import TensorCore
import TestSupport
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// What an XML parser sees of a page: its elements, their attributes and texts, in order.
private final class PageOutline: NSObject, XMLParserDelegate {
    struct Element {
        let name: String
        let attributes: [String: String]
        var text = ""
        let path: String
    }
    var elements: [Element] = []
    var failure: String?
    private var open: [Int] = []

    init(_ page: String) {
        super.init()
        let parser = XMLParser(data: Data(page.utf8))
        parser.delegate = self
        if !parser.parse() {
            failure = "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "?")"
        }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
        qualifiedName: String?, attributes: [String: String] = [:]
    ) {
        let path = open.map { elements[$0].name } + [name]
        open.append(elements.count)
        elements.append(
            Element(name: name, attributes: attributes, path: path.joined(separator: "/")))
    }

    func parser(
        _ parser: XMLParser, didEndElement name: String, namespaceURI: String?,
        qualifiedName: String?
    ) {
        open.removeLast()
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) {
        if let last = open.last { elements[last].text += text }
    }

    func all(_ name: String) -> [Element] { elements.filter { $0.name == name } }
}

@Suite("HTML page")
struct PageTests {
    @Test(
        "is well-formed, whatever the names are",
        arguments: ["six", "crowd", "hostile", "full"])
    func wellFormed(name: String) throws {
        let report = try #require(SampleReport.named[name])
        let outline = PageOutline(report.htmlPage())
        #expect(outline.failure == nil)
        // All plots in both layouts, each with a name and a description.
        let plots = outline.all("svg")
        #expect(plots.count == (name == "full" ? 8 : 6))
        let identifiers = outline.elements.compactMap { $0.attributes["id"] }
        #expect(Set(identifiers).count == identifiers.count)
        for plot in plots {
            #expect(plot.attributes["role"] == "img")
            for label in (plot.attributes["aria-labelledby"] ?? "").split(separator: " ") {
                #expect(identifiers.contains(String(label)))
            }
        }
        #expect(outline.all("th").allSatisfy { ["col", "row"].contains($0.attributes["scope"]) })
    }

    @Test("lets no name become markup")
    func hostileNames() {
        let page = SampleReport.hostile.htmlPage()
        let outline = PageOutline(page)
        #expect(outline.all("script").count == 1)
        #expect(outline.all("img").isEmpty)
        #expect(outline.all("b").isEmpty)
        #expect(
            outline.elements.allSatisfy { $0.attributes.keys.allSatisfy { !$0.hasPrefix("on") } })
        #expect(outline.all("h1").first?.text == SampleReport.hostile.title)
        #expect(outline.all("code").contains { $0.text == SampleReport.hostile.text.name })
        // What has an effect and no picture is spelled out.
        for scalar: Unicode.Scalar in ["\u{1B}", "\u{202E}", "\u{0}", "\u{FFFE}"] {
            #expect(!page.unicodeScalars.contains(scalar))
        }
        #expect(page.contains("‹U+202E›"))
    }

    @Test("lets no added name become markup, and draws a field for every part")
    func added() {
        let page = SampleReport.full.htmlPage()
        let outline = PageOutline(page)
        #expect(outline.all("script").count == 1)
        #expect(outline.all("b").isEmpty && outline.all("i").isEmpty)
        #expect(outline.all("svg").count == 8)
        for layout in ["wide", "narrow"] {
            let svg = outline.all("svg").first {
                $0.attributes["aria-labelledby"]?.hasPrefix("sensitivity-\(layout)") == true
            }
            #expect(svg != nil)
        }
        // In each layout: two formats of 1 + 3 × 2 parts, and the 24 shades of the scale.
        let fields = outline.all("rect").filter { $0.attributes["class"] == "heat" }
        #expect(fields.count == 2 * (2 * 7 + 24))
        #expect(page.contains("0.50\u{A0}% of the text&#39;s sequences of 13 words"))
        #expect(page.contains("Windows: 159 in the baseline, 160 now."))
        #expect(page.contains("+0.0195<span class=\"error\"> ± 0.0020</span>"))
    }

    @Test("asks for nothing from the network and allows only its own script")
    func selfContained() throws {
        let outline = PageOutline(SampleReport.six.htmlPage())
        #expect(outline.all("link").isEmpty)
        for element in outline.elements {
            #expect(element.attributes["src"] == nil && element.attributes["href"] == nil)
        }
        let style = try #require(outline.all("style").first?.text)
        #expect(!style.contains("url(") && !style.contains("@import"))

        let script = try #require(outline.all("script").first?.text)
        let hex = Array(sha256(script.utf8))
        let digest = stride(from: 0, to: hex.count, by: 2).compactMap {
            UInt8(String(hex[$0...$0 + 1]), radix: 16)
        }
        let expected = "sha256-" + Data(digest).base64EncodedString()
        let policy = try #require(
            outline.all("meta").first { $0.attributes["http-equiv"] != nil }?.attributes["content"])
        #expect(policy.contains("default-src 'none'"))
        #expect(policy.contains("script-src '\(expected)'"))
    }

    @Test("shows every level with its figures in the order of size")
    func tableRows() {
        var report = SampleReport.six
        report.levels.reverse()
        let outline = PageOutline(report.htmlPage())
        let rows = outline.all("th").filter { $0.attributes["scope"] == "row" }
        let names = ["base", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K"]
        #expect(rows.map(\.text) == names + names)
        let cells = outline.all("td")
        #expect(cells.contains { $0.text == "0.1195" && $0.attributes["data-order"] == "0.1195" })
    }

    @Test("draws no label over another", arguments: ["six", "crowd"])
    func labels(name: String) throws {
        let report = try #require(SampleReport.named[name])
        let page = report.htmlPage()
        var names = 0
        for part in page.components(separatedBy: "<svg ").dropFirst() {
            guard part.contains("id=\"divergence-") else { continue }
            let svg =
                "<svg " + part.prefix(upTo: part.range(of: "</svg>")?.upperBound ?? part.endIndex)
            let labels = PageOutline(String(svg)).all("text").filter {
                $0.attributes["class"] == "label"
            }
            names += labels.count
            let boxes = labels.map { label in
                let width = Double(label.text.count) * 7.3
                let x = Double(label.attributes["x"] ?? "") ?? .nan
                let y = Double(label.attributes["y"] ?? "") ?? .nan
                return (left: x - width / 2, right: x + width / 2, top: y - 11, bottom: y + 2)
            }
            for (index, a) in boxes.enumerated() {
                #expect(a.left > 0)
                for b in boxes[(index + 1)...] {
                    let apart =
                        a.right <= b.left || b.right <= a.left || a.bottom <= b.top
                        || b.bottom <= a.top
                    #expect(apart, "labels overlap at \(a) and \(b)")
                }
            }
        }
        // In the wide and the narrow drawing; a crowded one may leave a few out.
        #expect(names > report.levels.count * 3 / 2)
    }

    @Test("survives figures that are no numbers")
    func notFinite() throws {
        var report = SampleReport.six
        for (index, value) in [Double.nan, .infinity, -.infinity, 0, 1e300, -1e-300].enumerated() {
            report.levels[index].bitsPerWeight = value
            report.levels[index].perplexity = Estimate(value, standardError: value)
            report.levels[index].perplexityRatio = Estimate(value, standardError: value)
            report.levels[index].divergence.mean = Estimate(value, standardError: value)
            report.levels[index].divergence.quantile999 = Estimate(value, standardError: value)
            report.levels[index].sameTopToken = Estimate(value)
            report.levels[index].tokensPerSecond = value
            report.levels[index].fileByteCount = .min
        }
        report.settings.scoredTokenCount = .min
        #expect(PageOutline(report.htmlPage()).failure == nil)
        #expect(report.markdown().contains("not finite"))
        #expect(!report.terminalTable().isEmpty)
        #expect(try QualityReport(json: report.json()).levels.count == 6)

        report.levels = []
        #expect(PageOutline(report.htmlPage()).failure == nil)
        #expect(report.summary == "No level was measured.")
    }

    @Test("is written with its siblings; INGOT_SAMPLE_REPORTS keeps them for the eye")
    func writing() throws {
        try Fixtures.withTemporaryFolder { temporary in
            let kept = ProcessInfo.processInfo.environment["INGOT_SAMPLE_REPORTS"]
            for (name, report) in SampleReport.named {
                let folder = "\(kept ?? temporary)/deep/\(name)"
                let files = try report.files(in: folder)
                try OutputFile.write(files, making: folder)
                for (file, name) in zip(files, ["report.md", "report.json", "report.html"]) {
                    let found = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
                    #expect([UInt8](found) == file.bytes && !found.isEmpty)
                }
            }
        }
    }
}
