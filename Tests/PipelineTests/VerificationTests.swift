import Foundation
import GGUF
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

@Suite struct VerificationTests {
    private func quantized(_ folder: String, _ recipe: Recipe) throws -> String {
        let path = "\(folder)/\(recipe).gguf"
        try PlanWriter.write(
            try Plan.quantize(
                MemorySource.model(), recipe: recipe, options: QuantizeOptions(),
                outputPath: path))
        return path
    }

    @Test func aBadBlockIsNamedByTensorAndRow() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = try quantized(folder, .Q8_0)
            let sound = try Verification(of: GGUFFile(path: path))
            #expect(sound.badValues.isEmpty)
            // The scale of the second block of row 3: a NaN in F16.
            let file = try GGUFFile(path: path)
            let index = try #require(file.index(ofTensor: "blk.1.ffn_up.weight"))
            var bytes = try InputFile.contents(path: path)
            let place = file.offsets[index] + (3 * 16 + 1) * 34
            bytes[place] = 0xFF
            bytes[place + 1] = 0x7F
            try Data(bytes).write(to: URL(filePath: path))
            let bad = try Verification(of: GGUFFile(path: path)).badValues
            #expect(bad.map(\.tensor) == ["blk.1.ffn_up.weight"])
            #expect(bad.map(\.row) == [3])
            #expect(bad.map(\.column) == [32])
        }
    }

    @Test func digestsAreThoseOfTheData() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = try quantized(folder, .Q4_0)
            let file = try GGUFFile(path: path)
            let bytes = try InputFile.contents(path: path)
            #expect(try Digests.sha256(of: file.file) == sha256(bytes))
            let expected = file.tensors.indices.map {
                sha256(bytes[file.offsets[$0]..<file.offsets[$0] + file.byteCounts[$0]])
            }
            #expect(try Digests.ofTensors(in: file, threadCount: 3) == expected)
        }
    }

    @Test func comparisonMeasuresErrors() throws {
        try Fixtures.withTemporaryFolder { folder in
            let first = try GGUFFile(path: try quantized(folder, .F32))
            let second = try GGUFFile(path: try quantized(folder, .Q4_0))
            #expect(try Comparison(first, first).isIdentical)
            let comparison = try Comparison(first, second)
            #expect(comparison.metadata.map(\.key) == ["general.file_type"])
            let norm = try #require(comparison.tensors.first { $0.name.contains("norm") })
            #expect(norm.isIdentical)
            #expect(norm.error?.rootMeanSquare == 0)
            let tensor = try #require(comparison.tensors.first { $0.name.contains("blk.0.ffn") })
            let scratch = ScratchBuffer()
            let index = try #require(first.index(ofTensor: tensor.name))
            let other = try #require(second.index(ofTensor: tensor.name))
            let a = try first.floats(ofTensor: index, scratch: scratch)
            let b = try second.floats(ofTensor: other, scratch: scratch)
            let squares = zip(a, b).reduce(0.0) {
                $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
            }
            let expected = (squares / Double(a.count)).squareRoot()
            let error = try #require(tensor.error)
            #expect(abs(error.rootMeanSquare - expected) < 1e-12)
            #expect(error.cosine > 0.99 && error.cosine < 1)
            #expect(error.maximum == Double(zip(a, b).map { abs($0 - $1) }.max() ?? 0))
        }
    }
}
