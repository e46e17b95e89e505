import Conversion
import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// Encoders as GGUF files, exported and converted again.
@Suite("Encoders come back")
struct EncoderExportTests {
    @Test(arguments: [
        ("bert", "BertModel"), ("distilbert", "DistilBertModel"),
        ("embeddinggemma", "Gemma3TextModel"), ("modernbert", "ModernBertModel"),
        ("modernbert-rank", "ModernBertForSequenceClassification"), ("nomic", "NomicBertModel"),
        ("roberta", "RobertaModel"), ("t5", "T5EncoderModel"), ("t5-relu", "T5EncoderModel"),
        ("xlm-roberta-rank", "XLMRobertaForSequenceClassification"),
        ("embeddinggemma-dense", "Gemma3TextModel"), ("eurobert", "EuroBertModel"),
    ])
    func encoders(_ name: String, _ className: String) throws {
        let original = Fixtures.projectRoot.appending(path: "fixtures/encoders/\(name)").path
        try Checkpoints.with { folder in
            var options = ConversionSource.Options(outputType: .f32)
            options.includesDenseModules = name.hasSuffix("-dense")
            let (first, second) = ("\(folder)/first.gguf", "\(folder)/second.gguf")
            // The model's name comes from the directory's.
            try FileManager.default.createDirectory(
                atPath: "\(folder)/exported", withIntermediateDirectories: true)
            let exported = "\(folder)/exported/\(name)"
            try write(ConversionSource(directory: original, options: options), to: first)
            let checkpoint = try ExportedCheckpoint(GGUFFile(path: first))
            #expect(checkpoint.className == className)
            _ = try checkpoint.write(to: exported)
            try write(ConversionSource(directory: exported, options: options), to: second)
            #expect(
                try Data(contentsOf: URL(filePath: first))
                    == Data(contentsOf: URL(filePath: second)))
            let pools = try GGUFFile(path: first).metadata.entries.contains {
                $0.key.hasSuffix(".pooling_type") && !$0.key.contains("classifier")
            }
            #expect(
                FileManager.default.fileExists(atPath: "\(exported)/1_Pooling/config.json") == pools
            )
        }
    }
}
