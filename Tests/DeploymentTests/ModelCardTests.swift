import Deployment
import Evaluation
import Foundation
import Reporting
import TensorCore
import TestSupport
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct ModelCardTests {
    /// A report of one level with these figures.
    private func report(of path: String, byteCount: Int? = nil) throws -> QualityReport {
        let facts = try ModelFacts(path: path)
        let statistics = LevelStatistics(
            perplexity: Estimate(20, standardError: 0.2),
            logPerplexityRatio: Estimate(0.01, standardError: 0.001),
            perplexityRatio: Estimate(1.01, standardError: 0.001),
            divergence: .init(
                mean: Estimate(0.01234, standardError: 0.00056), median: 0.005, quantile90: 0.03,
                quantile95: 0.05, quantile99: 0.1,
                quantile999: Estimate(0.4, standardError: 0.02), maximum: 1),
            sameTopToken: Estimate(0.9512, standardError: 0.0031),
            meanProbabilityChange: Estimate(-0.001, standardError: 0.0001),
            rmsProbabilityChange: Estimate(0.01, standardError: 0.0001))
        let name = (path as NSString).lastPathComponent
        return QualityReport(
            title: "Tiny",
            base: .init(
                fileName: "base.gguf", fileByteCount: 1, bitsPerWeight: 16, tensorTypes: [],
                perplexity: Estimate(19, standardError: 0.2)),
            text: .init(name: "held|out`.txt", byteCount: 10, tokenCount: 5),
            settings: .init(
                contextLength: 512, windowCount: 8, scoredTokenCount: 2048, threadCount: 2),
            provenance: .init(
                toolVersion: "ingot 1", commandLine: "x", machine: "y",
                date: Date(timeIntervalSince1970: 0)),
            levels: [
                .init(
                    name: "F16", fileName: name, fileByteCount: byteCount ?? facts.byteCount,
                    bitsPerWeight: 16, statistics: statistics)
            ])
    }

    static let changes: [(String, MetadataValue?)] = [
        ("general.name", .string("Tiny *Llama* | 1")), ("general.license", .string("Apache-2.0")),
        ("general.source.repo_url", .string("https://huggingface.co/me/tiny-llama")),
        ("general.languages", .strings([ByteString("en"), ByteString("no")])),
        ("general.tags", .strings([ByteString("story"), ByteString("text-generation")])),
        ("quantize.imatrix.file", .string("/home/me/imatrix.gguf")),
    ]

    @Test func saysWhatTheHubReads() throws {
        try TinyModel.withFile(Self.changes) { path in
            var request = ModelCardText.Request(toolVersion: "1.2.3")
            request.quantizedBy = "me: \"myself\""
            let card = ModelCardText([try ModelFacts(path: path)], report: nil, request)
            let front = card.text.prefix { $0 != "#" }
            #expect(
                front == #"""
                    ---
                    base_model: me/tiny-llama
                    base_model_relation: quantized
                    license: apache-2.0
                    language:
                      - en
                      - "no"
                    library_name: gguf
                    pipeline_tag: text-generation
                    quantized_by: "me: \"myself\""
                    tags:
                      - gguf
                      - quantized
                      - imatrix
                      - story
                    ---


                    """#)
            #expect(card.text.contains("# tiny-llama GGUF\n"))
            #expect(card.text.contains("[me/tiny-llama](https://huggingface.co/me/tiny-llama)"))
            #expect(card.text.contains("rounded by an importance matrix, imatrix.gguf"))
            #expect(!card.text.contains("KL divergence") && card.warnings.isEmpty)
            request.title = "Tiny *Llama* | 1"
            let titled = ModelCardText([try ModelFacts(path: path)], report: nil, request)
            #expect(titled.text.contains("# Tiny \\*Llama\\* &#124; 1\n"))
        }
    }

    @Test func figuresStandBesideTheirFiles() throws {
        try TinyModel.withFile(Self.changes) { path in
            let facts = try ModelFacts(path: path)
            var request = ModelCardText.Request(toolVersion: "1.2.3")
            request.plot = "divergence.svg"
            let card = ModelCardText([facts], report: CardReport(try report(of: path)), request)
            let row =
                "| `model.gguf` | F16 | \(NumberText.bytes(facts.byteCount)) | 16.01"
                + " | 0.01234 ± 0.00056 | 95.12 ± 0.31 | Good quality, much smaller |"
            #expect(card.text.contains(row))
            #expect(card.text.contains("](divergence.svg)"))
            // A text's name with a backtick stays one.
            #expect(card.text.contains("`` held|out`.txt ``"))
            // Figures of another file of that name are not its own.
            let other = ModelCardText(
                [facts], report: CardReport(try report(of: path, byteCount: 7)), request)
            #expect(!other.text.contains("0.01234") && other.warnings.count == 1)
        }
    }

    @Test func namesThatAreMarkupStayNames() throws {
        try TinyModel.withFile { path in
            try Fixtures.withTemporaryFolder { folder in
                let odd = "\(folder)/a|b`c $(id) <x>.gguf"
                try FileManager.default.copyItem(atPath: path, toPath: odd)
                let card = ModelCardText(
                    [try ModelFacts(path: odd)], report: nil, .init(toolVersion: "1"))
                #expect(card.text.contains("| a&#124;b\\`c \\$(id) &lt;x&gt;.gguf |"))
                #expect(card.text.contains("llama-server -m 'a|b`c $(id) <x>.gguf'"))
                #expect(card.warnings.count == 2)
            }
        }
    }

    @Test func directoriesAreShownToo() throws {
        let card = ModelCardText(
            [try ModelFacts(path: Fixtures.path("tiny-llama"))], report: nil,
            .init(toolVersion: "1"))
        #expect(card.text.contains("| `tiny-llama` | BF16 |"))
        #expect(card.text.contains("library_name: transformers"))
        #expect(card.text.contains("vllm serve ./tiny-llama"))
        #expect(!card.text.contains("llama-server"))
    }

    @Test func modelsThatMakeVectorsHaveOtherFigures() throws {
        try TinyModel.withFile { path in
            let facts = try ModelFacts(path: path)
            let file = EmbeddingReport.File(
                name: "F16", fileName: "model.gguf", fileByteCount: facts.byteCount,
                bitsPerWeight: 16, digest: "")
            let provenance = try report(of: path).provenance
            let measured = EmbeddingReport(
                title: "Tiny", base: file, text: .init(name: "a", byteCount: 1, tokenCount: 1),
                settings: .init(
                    pooling: "mean", vectorLength: 8, sentenceCount: 20, activations: "f32",
                    threadCount: 1), provenance: provenance,
                levels: [
                    .init(
                        file: file,
                        agreement: EmbeddingAgreement(
                            cosine: Estimate(0.99912, standardError: 0.00011), leastCosine: 0.9,
                            rankCorrelation: Estimate(0.9876, standardError: 0.0012),
                            keptNeighbours: Estimate(0.9321, standardError: 0.0052),
                            neighbourCount: 10))
                ], warnings: [])
            let read = try CardReport(json: measured.json())
            let card = ModelCardText([facts], report: read, .init(toolVersion: "1"))
            #expect(
                card.text.contains("| 0.99912 ± 0.00011 | 0.9876 ± 0.0012 | 93.21 ± 0.52 | Where"))
            #expect(card.text.contains("20 sentences, pooling mean") && read.drawing == nil)
        }
    }

    @Test func theDrawingIsAFileOfItsOwn() throws {
        try TinyModel.withFile { path in
            let drawing = try #require(try report(of: path).divergenceDrawing())
            #expect(drawing.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" "))
            #expect(drawing.contains("size of the file, MB") && drawing.contains("<style>"))
            #expect(XMLParser(data: Data(drawing.utf8)).parse())
        }
    }
}
