import Foundation
import GGUF
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

@Suite struct QuantizeOptionsTests {
    @Test func overridesAreRead() throws {
        func value(_ text: String) throws -> MetadataValue {
            try MetadataOverride(parsing: text).value
        }
        #expect(try value("a.b=int:8192") == .uint32(8192))
        #expect(try value("a.b=float:-1.5") == .float32(-1.5))
        #expect(try value("a.b=bool:true") == .bool(true))
        #expect(try value("a.b=str:x=y:z") == .string("x=y:z"))
        #expect(try MetadataOverride(parsing: "a.b=str:").key == "a.b")
        let long = String(repeating: "x", count: 100_000)
        #expect(try value("a.b=str:" + long) == .string(ByteString(long)))
    }

    @Test(arguments: [
        "", "a", "=int:1", "a=1", "a=int:", "a=int:-1", "a=int:1x", "a=int:4294967296",
        "a=float:nan", "a=float:1e99", "a=bool:yes", "a=text:x",
        String(repeating: "k", count: 65_536) + "=int:1",
    ])
    func malformedOverridesAreRefused(text: String) {
        #expect(throws: PipelineError.self) { try MetadataOverride(parsing: text) }
    }

    @Test func prunedBlocksAreGoneAndTheOthersCloseUp() throws {
        var source = MemorySource.model()
        source.metadata["llama.feed_forward_length"] = .uint32s([7, 8])
        var options = QuantizeOptions()
        options.prunedBlocks = [0]
        let plan = try Plan.quantize(
            source, recipe: .F32, options: options, outputPath: "/tmp/never.gguf")
        #expect(
            plan.tensors.map(\.name)
                == ["output.weight", "token_embd.weight", "blk.0.ffn_up.weight"])
        #expect(plan.metadata["llama.block_count"] == .uint32(1))
        #expect(plan.metadata["llama.feed_forward_length"] == .uint32s([8]))
        for blocks: Set<Int> in [[2], [0, 1]] {
            options.prunedBlocks = blocks
            #expect(throws: PipelineError.self) {
                try Plan.quantize(
                    source, recipe: .F32, options: options, outputPath: "/tmp/never.gguf")
            }
        }
    }

    /// As the peer's quantizer does, while its converter keeps the row a matrix.
    @Test func aMatrixOfOneRowBecomesAVector() throws {
        var source = MemorySource.model()
        source.add("blk.0.ffn_gate_inp_shexp.weight", [1, 512], format: .F32, seed: 6)
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/out.gguf"
            func shape(_ plan: Plan) throws -> [Int]? {
                try PlanWriter.write(plan, threadCount: 1)
                return try GGUFFile(path: path).tensors.first {
                    $0.name == "blk.0.ffn_gate_inp_shexp.weight"
                }?.shape.dimensions
            }
            #expect(try shape(Plan.asDescribed(source, outputPath: path)) == [1, 512])
            let quantized = try Plan.quantize(
                source, recipe: .Q4_0, options: QuantizeOptions(), outputPath: path)
            #expect(try shape(quantized) == [512])
        }
    }

    /// Two shards written by hand, quantized with the split kept and without.
    @Test func aSplitIsReadWholeAndKept() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = MemorySource.model()
            for shard in 0..<2 {
                var part = MemorySource()
                if shard == 0 { part.metadata = model.metadata }
                part.metadata["split.no"] = .uint16(UInt16(shard))
                part.metadata["split.count"] = .uint16(2)
                part.metadata["split.tensors.count"] = .int32(5)
                let range = shard == 0 ? 0..<2 : 2..<5
                part.tensors = Array(model.tensors[range])
                part.values = Array(model.values[range])
                try PlanWriter.write(
                    try Plan.asDescribed(
                        part, outputPath: "\(folder)/m-0000\(shard + 1)-of-00002.gguf"))
            }
            let source = try SplitSource.open(path: folder + "/m-00001-of-00002.gguf")
            let split = try #require(source as? SplitSource)
            #expect(split.shardNumbers == [0, 0, 1, 1, 1])
            try PlanWriter.write(try Plan.asDescribed(model, outputPath: folder + "/f16.gguf"))
            try PlanWriter.write(
                try Plan.quantize(
                    GGUFFile(path: folder + "/f16.gguf"), recipe: .Q8_0,
                    options: QuantizeOptions(), outputPath: folder + "/whole.gguf"))
            try PlanWriter.write(
                try Plan.quantize(
                    split, recipe: .Q8_0, options: QuantizeOptions(),
                    outputPath: folder + "/joined.gguf"))
            #expect(
                try Comparison(
                    GGUFFile(path: folder + "/whole.gguf"),
                    GGUFFile(path: folder + "/joined.gguf")
                ).isIdentical)
            let plans = try Plan.quantizeKeepingSplit(
                split, recipe: .Q8_0, options: QuantizeOptions(), outputPath: folder + "/k.gguf"
            ).files
            _ = try PlanWriter.write(plans, options: WriteOptions())
            let kept = try SplitSource.open(path: folder + "/k-00001-of-00002.gguf")
            #expect(kept.tensors.map(\.name) == model.tensors.map(\.name))
            let difference = try Comparison(kept, GGUFFile(path: folder + "/whole.gguf"))
            // How a model is cut is nothing about the model.
            #expect(difference.isIdentical)
            let (first, second) = (
                folder + "/m-00001-of-00002.gguf", folder + "/m-00002-of-00002.gguf"
            )
            #expect(
                throws: GGUFError(.notFirstPart(number: 2, count: 2, first: first), path: second)
            ) { try SplitSource.open(path: second) }
            try FileManager.default.removeItem(atPath: second)
            #expect(throws: GGUFError(.missingParts([second], count: 2), path: first)) {
                try SplitSource.open(path: first)
            }
            #expect(try SplitSource.openFirst(path: first).tensors.count == 2)
            try FileManager.default.moveItem(atPath: first, toPath: folder + "/part.gguf")
            #expect(throws: GGUFError.self) { try SplitSource.open(path: folder + "/part.gguf") }
        }
    }
}
