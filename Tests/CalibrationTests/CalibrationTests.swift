import Architectures
import Calibration
import Conversion
import Evaluation
import Foundation
import GGUF
import Inference
import TensorCore
import TestSupport
import Testing
import Tokenization

/// Importance matrices that llama.cpp made from the same text and windows.
private enum Peer {
    static let names = ["llama", "llama-odd", "smollm2", "gemma3", "qwen3moe"]

    static func exists(_ name: String, in root: String) -> Bool {
        Fixtures.exists("\(root)/convert/checkpoints/\(name)/model.safetensors")
            && Fixtures.exists("\(root)/quantize/\(name).imatrix.gguf")
    }
}

@Suite struct CalibrationTests {
    private func calibrated(
        _ name: String, in root: String
    ) throws -> (ImportanceSums, ImportanceSums) {
        let source = try ConversionSource(directory: "\(root)/convert/checkpoints/\(name)")
        let text = try EvaluationText(
            InputFile.contents(path: "\(root)/convert/text.txt"),
            tokenizer: Tokenizer(vocabulary: Vocabulary(metadata: source.metadata)),
            contextLength: 128, windowLimit: 8)
        let calibration = try Calibration(model: Model(source: source))
        // In two parts: sums do not depend on how windows are put together.
        try calibration.add((0..<3).map { text.window($0) })
        try calibration.add((3..<8).map { text.window($0) })
        return (
            ImportanceSums(
                entries: calibration.entries, datasets: ["text.txt"], chunkCount: 8, chunkSize: 128),
            try ImportanceSums(path: "\(root)/quantize/\(name).imatrix.gguf")
        )
    }

    @Test(
        "sums are llama.cpp's within its rounding",
        arguments: Peer.names.filter { Peer.exists($0, in: Fixtures.anyConformance) })
    func peer(name: String) throws {
        let sums: (ImportanceSums, ImportanceSums)
        do {
            sums = try calibrated(name, in: Fixtures.anyConformance)
        } catch let error as ArchitectureError {
            guard case .unknownArchitecture = error.kind else { throw error }
            try Test.cancel("\(name) is of a family that cannot be converted yet")
        }
        let (found, expected) = sums
        #expect(found.entries.keys.sorted() == expected.entries.keys.sorted())
        var worst = (ratio: 0.0, name: "")
        for (tensor, entry) in expected.entries {
            let own = try #require(found.entries[tensor])
            #expect(own.sums.count == entry.sums.count, "\(tensor)")
            #expect(own.counts == entry.counts, "\(tensor)")
            let length = entry.sums.count / entry.counts.count
            for index in entry.sums.indices where entry.counts[index / length] > 0 {
                let expert = index / length
                let value = entry.sums[index] / entry.counts[expert]
                let difference = abs(own.sums[index] / own.counts[expert] - value)
                let ratio = difference / max(value, 1e-12)
                if ratio > worst.ratio { worst = (ratio, tensor) }
            }
        }
        #expect(worst.ratio < 0.002, "\(name): \(worst)")
    }

    @Test func whatIsWrittenIsReadByBothReaders() throws {
        try Fixtures.withTemporaryFolder { folder in
            let entries: [String: ImportanceSums.Entry] = [
                "blk.0.ffn_up_exps.weight": .init(
                    sums: [2, 4, 0, 0, 9, 3], counts: [2, 0, 3]),
                "blk.0.attn_q.weight": .init(sums: [8, 4, 2], counts: [4]),
            ]
            let sums = ImportanceSums(
                entries: entries, datasets: ["a.txt"], chunkCount: 3, chunkSize: 64)
            let path = folder + "/i.gguf"
            try sums.write(to: path)
            let read = try ImportanceSums(path: path)
            #expect(read.entries == entries)
            #expect(read.datasets == ["a.txt"] && read.chunkCount == 3 && read.chunkSize == 64)
            let matrix = try ImportanceMatrix(path: path)
            #expect(matrix["blk.0.attn_q.weight"]?.values == [2, 1, 0.5])
            #expect(matrix["blk.0.ffn_up_exps.weight"]?.values == [1, 2, 1, 1, 3, 1])
            #expect(matrix["blk.0.ffn_up_exps.weight"]?.missingExperts == [1])
            let unreached = try #require(Calibration.unreached(in: entries).first)
            #expect(Calibration.unreached(in: entries).count == 1)
            #expect(unreached.tensor == "blk.0.ffn_up_exps.weight")
            #expect(unreached.experts == [1] && unreached.expertCount == 3)
            var twice = read
            try twice.add(read, path: path)
            #expect(twice.entries["blk.0.attn_q.weight"]?.sums == [16, 8, 4])
            #expect(twice.entries["blk.0.attn_q.weight"]?.counts == [8])
            #expect(twice.chunkCount == 6 && twice.datasets == ["a.txt"])
            let other = ImportanceSums(
                entries: ["blk.0.attn_q.weight": .init(sums: [1, 1], counts: [1])], chunkSize: 64)
            #expect(throws: GGUFError.self) { try twice.add(other, path: "other.gguf") }
        }
    }

    /// A file that llama.cpp wrote comes out as it was, byte for byte.
    @Test func theFormIsLlamaCpps() throws {
        let path = Fixtures.path("conformance/quantize/llama.imatrix.gguf")
        try Fixtures.withTemporaryFolder { folder in
            try ImportanceSums(path: path).write(to: folder + "/again.gguf")
            #expect(
                try InputFile.contents(path: folder + "/again.gguf")
                    == InputFile.contents(path: path))
        }
    }
}
