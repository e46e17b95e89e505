import Conversion
import Evaluation
import GGUF
import Inference
import Quantization
import TensorCore
import TestSupport
import Testing

/// Models whose weights become known block by block.
@Suite struct BlockwiseDivergencesTests {
    /// The same figures as with all weights at once.
    @Test func blocksOneByOneGiveWhatTheWholeModelGives() throws {
        let source = try ConversionSource(
            directory: Fixtures.path("conformance/convert/checkpoints/llama"))
        let model = try Model(source: source)
        let pool = WorkerPool(threadCount: 2)
        var random = SeededRandom(seed: 5)
        let windows = [(20, 4..<19), (12, 0..<7)].map { length, scored in
            WindowDivergences.Window(
                tokens: (0..<length).map { _ in Int32.random(in: 0..<300, using: &random) },
                scored: scored)
        }
        func replaced(_ part: String) -> RequantizedSource {
            var replacements: [Int: RequantizedSource.Replacement] = [:]
            for (number, tensor) in source.tensors.enumerated()
            where tensor.shape.rank > 1 && tensor.name.contains(part) {
                replacements[number] = .init(format: .Q4_0)
            }
            return RequantizedSource(source, replacing: replacements)
        }
        let sources = [replaced("ffn"), replaced("weight")]
        let expected = try WindowDivergences(base: model, pool: pool).measure(
            sources.map { .init(try Model(source: $0, description: model.description)) },
            windows: windows)

        let blockwise = try BlockwiseDivergences(
            base: model, embeddings: [nil, sources[1]], windows: windows, pool: pool)
        for block in 0..<model.blockCount {
            try blockwise.apply(block: block, weights: sources)
        }
        for variant in sources.indices {
            let found = try blockwise.divergences(ofVariant: variant, output: sources[variant])
            #expect(found.map(\.mean) == expected[variant].map(\.mean))
            #expect(found.map(\.count) == [15, 7])
            #expect(found.allSatisfy { $0.mean > 1e-6 })
        }
    }

    /// Rows that come encoded are those that the source's encoder would give.
    @Test func encodedRowsTakeThePlaceOfTheEncoder() throws {
        let source = try ConversionSource(
            directory: Fixtures.path("conformance/convert/checkpoints/llama"))
        let number = try #require(
            source.tensors.firstIndex { $0.name == "blk.0.ffn_up.weight" })
        let shape = source.tensors[number].shape
        let plain = RequantizedSource(source, replacing: [number: .init(format: .Q4_0)])
        let rowBytes = shape.rowLength / 32 * 18
        let encoded = RequantizedSource.EncodedRows(byteCount: shape.rowCount * rowBytes)
        try plain.readBytes(
            ofRows: 0..<shape.rowCount, ofTensor: number,
            into: UnsafeMutableRawBufferPointer(
                start: encoded.base, count: shape.rowCount * rowBytes))
        let stored = RequantizedSource(
            source, replacing: [number: .init(format: .Q4_0, encoded: encoded)])
        var rows = [[Float]](repeating: [Float](repeating: 0, count: 3 * shape.rowLength), count: 2)
        var bytes = [[UInt8]](repeating: [UInt8](repeating: 0, count: 2 * rowBytes), count: 2)
        for (index, source) in [plain, stored].enumerated() {
            try rows[index].withUnsafeMutableBufferPointer {
                try source.readRows(
                    5..<8, ofTensor: number, into: #require($0.baseAddress),
                    scratch: ScratchBuffer())
            }
            try bytes[index].withUnsafeMutableBytes {
                try source.readBytes(ofRows: 7..<9, ofTensor: number, into: $0)
            }
        }
        #expect(rows[0] == rows[1])
        #expect(bytes[0] == bytes[1])
    }
}
