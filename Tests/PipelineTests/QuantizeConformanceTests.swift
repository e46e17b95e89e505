import Conversion
import Foundation
import GGUF
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

/// What the peer's quantizer writes for one model and type.
private struct Expected {
    let fileDigest: String?
    let isRefused: Bool

    init(_ value: JSON?) {
        fileDigest = value?["file_sha256"]?.text
        isRefused = value?["error"] != nil
    }
}

/// Whole output files against the peer's, byte by byte: metadata, tensor order, formats, data.
@Suite struct QuantizeConformanceTests {
    static let models: [String] = {
        let folder = Fixtures.anyConformance + "/quantize"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        // Tiny models are converted here; the large one has a script of its own.
        return names.filter { $0.hasSuffix(".json") && !$0.hasPrefix("smollm2-768") }
            .map { String($0.dropLast(5)) }
            .filter { isConvertible($0) }.sorted()
    }()

    private static func checkpoint(_ model: String) -> String {
        Fixtures.anyConformance + "/convert/checkpoints/" + model
    }

    private static func isConvertible(_ model: String) -> Bool {
        (try? ConversionSource(directory: checkpoint(model))) != nil
    }

    @Test(arguments: models)
    func everyTypeGivesThePeersFile(model: String) throws {
        let folder = Fixtures.anyConformance
        let expected = try JSON.parse(path: folder + "/quantize/\(model).json")
        try Fixtures.withTemporaryFolder { temporary in
            let input = temporary + "/f16.gguf"
            try PlanWriter.write(
                try Plan.asDescribed(
                    try ConversionSource(directory: Self.checkpoint(model)), outputPath: input))
            let source = try GGUFFile(path: input)
            let matrix = try ImportanceMatrix(
                path: folder + "/quantize/\(model).imatrix.gguf", recordedName: "imatrix.gguf")
            var compared = 0
            for recipe in Recipe.all where recipe.name != "COPY" {
                for importance in [nil, matrix] {
                    let key = recipe.name + (importance == nil ? "" : "+imatrix")
                    let wanted = Expected(expected[key])
                    guard wanted.fileDigest != nil || wanted.isRefused else { continue }
                    let output = "\(temporary)/\(key).gguf"
                    let options = QuantizeOptions(importance: importance)
                    if wanted.isRefused {
                        #expect(throws: (any Error).self, "\(model) \(key)") {
                            try Plan.quantize(
                                source, recipe: recipe, options: options, outputPath: output)
                        }
                        continue
                    }
                    try PlanWriter.write(
                        try Plan.quantize(
                            source, recipe: recipe, options: options, outputPath: output))
                    #expect(try sha256(ofFile: output) == wanted.fileDigest, "\(model) \(key)")
                    compared += 1
                    try FileManager.default.removeItem(atPath: output)
                }
            }
            #expect(compared >= 30)
        }
    }

    @Test(.enabled(if: Fixtures.fullConformance != nil, "INGOT_CONFORMANCE names no folder"))
    func theWholeConformanceDataIsThere() {
        #expect(
            Set(Self.models).isSuperset(of: [
                "gemma3", "llama", "llama-odd", "qwen3moe", "smollm2",
            ]))
    }
}
