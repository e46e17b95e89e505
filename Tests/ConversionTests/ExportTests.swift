import Conversion
import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

@Suite("Export to a Hugging Face directory")
struct ExportTests {
    private static let checkpoints: [String] = {
        let folder = "\(Fixtures.anyConformance)/convert/checkpoints"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let found = names.filter { Fixtures.exists("\(folder)/\($0)/config.json") }.sorted()
        return [Fixtures.path("tiny-llama")] + found.map { "\(folder)/\($0)" }
    }()

    @Test("what is exported converts back to the same bytes", arguments: checkpoints)
    func comesBack(_ directory: String) throws {
        let name = URL(filePath: directory).lastPathComponent
        try Fixtures.withTemporaryFolder { folder in
            let types: [OutputType] = name == "tiny-llama" ? [.f16, .bf16, .f32] : [.f16]
            for type in types {
                let first = "\(folder)/first.gguf"
                try write(
                    ConversionSource(directory: directory, options: .init(outputType: type)),
                    to: first)
                let exported = "\(folder)/exported-\(type)"
                _ = try ExportedCheckpoint(GGUFFile(path: first))
                    .write(to: exported, shardByteCount: 300_000)
                let second = "\(folder)/second.gguf"
                try write(
                    ConversionSource(directory: exported, options: .init(outputType: type)),
                    to: second)
                let (a, b) = (
                    try Data(contentsOf: URL(filePath: first)),
                    try Data(contentsOf: URL(filePath: second))
                )
                #expect(a == b, "\(name) as \(type)")
            }
        }
    }

    @Test("nothing is written where another model would come back")
    func refusesChanges() throws {
        try Fixtures.withTemporaryFolder { folder in
            let source = try ConversionSource(directory: Fixtures.path("tiny-llama"))
            var changed = Changed(source: source)
            changed.metadata["llama.rope.scaling.type"] = .string("yarn")
            changed.metadata["llama.rope.scaling.factor"] = .float32(2)
            changed.metadata["llama.rope.scaling.unheard_of"] = .float32(2)
            let checkpoint = try ExportedCheckpoint(changed)
            let error = #expect(throws: ConversionError.self) {
                try checkpoint.write(to: "\(folder)/out")
            }
            #expect(
                "\(try #require(error))".contains("llama.rope.scaling.unheard_of would be lost"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            let findings = try checkpoint.write(to: "\(folder)/out", allowsChanges: true)
            #expect(findings.notices.contains { $0.contains("unheard_of") })
        }
    }

    @Test("a directory that is not empty is left alone")
    func keepsWhatIsThere() throws {
        try Fixtures.withTemporaryFolder { folder in
            let checkpoint = try ExportedCheckpoint(
                ConversionSource(directory: Fixtures.path("tiny-llama")))
            try Data("mine".utf8).write(to: URL(filePath: "\(folder)/notes.txt"))
            #expect(throws: FileError.self) { try checkpoint.write(to: folder) }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder) == ["notes.txt"])
        }
    }

    @Test("an architecture without export is named, with those that have one")
    func namesArchitectures() throws {
        let source = try ConversionSource(directory: Fixtures.path("tiny-llama"))
        var changed = Changed(source: source)
        changed.metadata["general.architecture"] = .string("rwkv7")
        let error = #expect(throws: ConversionError.self) { try ExportedCheckpoint(changed) }
        #expect("\(try #require(error))".contains("rwkv7"))
        #expect("\(try #require(error))".contains("llama"))
    }
}

/// A source with other metadata.
private struct Changed: TensorSource {
    let source: ConversionSource
    var metadata: Metadata
    var path: String { source.path }
    var tensors: [TensorDescription] { source.tensors }
    var files: [InputFile] { source.files }

    init(source: ConversionSource) {
        self.source = source
        metadata = source.metadata
    }

    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try source.readRows(rows, ofTensor: tensor, into: destination, scratch: scratch)
    }

    func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        try source.readBytes(ofRows: rows, ofTensor: tensor, into: destination)
    }
}
