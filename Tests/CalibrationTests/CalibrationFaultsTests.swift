import Calibration
import Conversion
import GGUF
import Inference
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

/// What a calibration does where numbers go wrong.
@Suite struct CalibrationFaultsTests {
    /// A source in whose tensor every value is another.
    private struct SpoiltSource: TensorSource {
        let source: any TensorSource
        let spoilt: Int
        let value: Float

        var path: String { source.path }
        var metadata: Metadata { source.metadata }
        var tensors: [TensorDescription] { source.tensors }
        var files: [InputFile] { source.files }

        func readRows(
            _ rows: Range<Int>, ofTensor tensor: Int,
            into destination: UnsafeMutablePointer<Float>, scratch: ScratchBuffer
        ) throws {
            try source.readRows(rows, ofTensor: tensor, into: destination, scratch: scratch)
            guard tensor == spoilt else { return }
            for index in 0..<rows.count * tensors[tensor].shape.rowLength {
                destination[index] = value
            }
        }

        func readBytes(
            ofRows rows: Range<Int>, ofTensor tensor: Int,
            into destination: UnsafeMutableRawBufferPointer
        ) throws {
            try source.readBytes(ofRows: rows, ofTensor: tensor, into: destination)
        }
    }

    private func source() throws -> ConversionSource {
        try ConversionSource(directory: Fixtures.path("conformance/convert/checkpoints/llama"))
    }

    /// Rows of 16 tokens.
    private func windows(fitting: Int, validation: Int) -> CalibrationWindows {
        func rows(_ count: Int, _ first: Int) -> [[Int32]] {
            (0..<count).map { row in
                (0..<16).map { Int32(3 + (first + 7 * row + 5 * $0) % 200) }
            }
        }
        return CalibrationWindows(fitting: rows(fitting, 0), validation: rows(validation, 3))
    }

    @Test(arguments: [
        (Float.nan, "blk.1.ffn_up.weight", "blk.1.ffn_up.weight"),
        // Finite weights whose products are not.
        (3e38, "blk.1.ffn_down.weight", "block 1"),
    ])
    func numbersThatAreNoneNameTensorAndLayer(
        value: Float, tensor: String, named: String
    ) throws {
        let source = try source()
        let spoilt = try SpoiltSource(
            source: source,
            spoilt: #require(source.tensors.firstIndex { $0.name == tensor }), value: value)
        let model = try Model(source: spoilt)
        let output = try #require(source.tensors.firstIndex { $0.name == "blk.1.attn_q.weight" })
        let rounding = try CalibratedRounding(
            model, formats: [output: [.Q4_K]], windows: windows(fitting: 2, validation: 1),
            effort: .fast, pool: WorkerPool(threadCount: 2))
        let error = try #require(throws: InferenceError.self) {
            for group in rounding.groups.indices { try rounding.prepare(group: group) }
        }
        #expect(error.description.contains(named), "\(error)")
    }

    @Test func sumsOfNumbersThatAreNoneNameTheLayer() throws {
        let source = try source()
        let tensor = try #require(source.tensors.firstIndex { $0.name == "blk.1.ffn_up.weight" })
        let spoilt = SpoiltSource(source: source, spoilt: tensor, value: 3e38)
        let calibration = try Calibration(model: Model(source: spoilt))
        let error = try #require(throws: InferenceError.self) {
            try calibration.add(windows(fitting: 2, validation: 0).fitting)
        }
        #expect(error.description.contains("block 1"), "\(error)")
    }

    /// Fewer tokens than columns: the Hessian has no inverse, and rounding has none of what it needs.
    @Test func aHessianThatCannotBeFactoredIsDampedMoreAndCounted() throws {
        let pool = WorkerPool(threadCount: 2)
        let group = InputGroup(
            tensors: ["blk.0.attn_q.weight"], matrixCount: nil, columnCount: 256)
        let moments = try LayerInputs(
            Model(source: source()), text: windows(fitting: 5, validation: 1), pool: pool
        ).run(block: 0, groups: [(number: 0, group: group)])
        let own = try #require(moments[InputRecorder.Key(group: 0)])
        // How little is too little depends on the last bits of the sums.
        let dampings = [1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14]
        let factors = try dampings.compactMap {
            try HessianFactor(own.fitting, .init(shrink: 0, damping: $0), pool: pool)
        }
        let factor = try #require(factors.first { $0.retryCount > 0 })
        #expect(factor.retryCount <= 4)
        #expect(factor.factor.values.allSatisfy { $0.isFinite })
        let sound = try HessianFactor(own.fitting, .init(shrink: 0, damping: 0.01), pool: pool)
        #expect(sound?.retryCount == 0)
        let none = try HessianFactor(own.fitting, .init(shrink: 0, damping: 0), pool: pool)
        #expect(none == nil)
    }
}
