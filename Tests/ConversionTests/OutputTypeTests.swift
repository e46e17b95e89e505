import Conversion
import GGUF
import Quantization
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Output types other than F16, against digests made with the quantizers of the peer's `gguf`
/// package (0.19).
@Suite struct OutputTypeTests {
    @Test(arguments: ["llama", "llama-odd"], [OutputType.f32, .bf16, .q8_0])
    func tensorsAreTheReferences(_ name: String, _ type: OutputType) throws {
        let json = try JSON.parse(path: Fixtures.path("conversion/output-types.json"))
        let expected = try #require(json[name]?[type.rawValue]?.array)
        let source = try ConversionSource(
            directory: "\(Fixtures.conformance)/convert/checkpoints/\(name)",
            options: .init(outputType: type))
        #expect(source.tensors.map(\.name) == expected.map { $0["name"]?.text })
        for (index, tensor) in expected.enumerated() {
            #expect(source.tensors[index].format.name == tensor["type"]?.text)
            let bytes = try data(ofTensor: index, of: source, step: 33)
            #expect(sha256(bytes) == tensor["sha256"]?.text, "\(source.tensors[index].name)")
        }
    }

    static let fileTypes: [(OutputType, UInt32)] = [
        (.f32, 0), (.f16, 1), (.q8_0, 7), (.bf16, 32), (.auto, 32),
    ]

    @Test(arguments: fileTypes)
    func theFileTypeIsWritten(_ type: OutputType, _ number: UInt32) throws {
        let source = try ConversionSource(
            directory: "\(Fixtures.conformance)/convert/checkpoints/llama",
            options: .init(outputType: type))
        #expect(source.metadata["general.file_type"] == .uint32(number))
        #expect(source.outputType == (type == .auto ? .bf16 : type))
    }

    /// Writes one tiny Llama with matrices and vectors of these types and opens it.
    static func tiny(
        matrices: DataType, vectors: DataType, outputType: OutputType = .auto
    ) throws -> ConversionSource {
        try Checkpoints.with { folder in
            try TinyModel.write(to: folder) { $0.hasSuffix("norm.weight") ? vectors : matrices }
            return try ConversionSource(
                directory: folder, options: .init(outputType: outputType))
        }
    }

    @Test(arguments: [
        (DataType.BF16, DataType.F16, OutputType.bf16), (.F16, .BF16, .f16), (.F32, .BF16, .f32),
        (.F64, .F16, .f32), (.I16, .F32, .f32), (.I8, .F32, .f16),
    ])
    func autoLosesNothing(
        _ matrices: DataType, _ vectors: DataType, _ expected: OutputType
    ) throws {
        #expect(
            try OutputTypeTests.tiny(matrices: matrices, vectors: vectors).outputType == expected)
    }

    @Test func autoFollowsWhatMatricesHaveTogether() throws {
        let cases: [([DataType?], OutputType)] = [
            ([], .f16), ([nil], .f16), ([.BF16, nil, .F8_E4M3], .bf16), ([.F8_E5M2, .F16], .f16),
            ([.BF16, .F16], .f32), ([.BF16, .F32, .BF16], .f32), ([.U8, .BOOL], .f16),
        ]
        for (types, expected) in cases {
            #expect(OutputType.smallest(holding: types) == expected, "\(types)")
        }
    }

    @Test func storedTypesOtherThanFloatsAreWidened() throws {
        let source = try OutputTypeTests.tiny(
            matrices: .F64, vectors: .I16, outputType: .f32)
        for index in source.tensors.indices {
            #expect(source.tensors[index].format == .F32)
            #expect(!source.holdsBytes(ofTensor: index))
        }
    }
}
