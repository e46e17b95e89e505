import ArgumentParser
import Architectures
import Calibration
import Crypto
import Evaluation
import Foundation
import GGUF
import Inference
import Pipeline
import Quantization
import TensorCore
import Tokenization

/// How `quantize` rounds by what layers take in.
struct CalibrateOptions: ParsableArguments {
    @Option(
        defaultAsFlag: "", parsing: .next,
        help: ArgumentHelp(
            """
            Round with error feedback (GPTQ) by what the model's layers take in on these texts, \
            separated by commas. Without TEXT, as the last word: on a built-in mix.
            """, valueName: "text,…"))
    var calibrate: String?

    @Option(
        help: ArgumentHelp(
            """
            With --calibrate: texts of other domains, separated by commas. They decide how far \
            what was learned is trusted. (default: the built-in mix)
            """, valueName: "text,…"))
    var calibrateCheck: String?

    @Option(
        help: ArgumentHelp(
            """
            With --calibrate: fast rounds with feedback alone, normal also finds block scales \
            again in the metric of the feedback, best does all that lowers the error. (default: \
            normal)
            """, valueName: "fast|normal|best"),
        transform: { text in
            guard let effort = RoundingEffort(rawValue: text) else {
                throw ValidationError("--effort is \(text), expected fast, normal or best")
            }
            return effort
        })
    var effort: RoundingEffort?

    @Option(
        help: ArgumentHelp(
            "With --calibrate: the most tokens of the texts that are used.", valueName: "count"))
    var calibrateTokens: Int?

    mutating func validate() throws {
        if calibrate == nil {
            for (name, isGiven) in [
                ("--calibrate-check", calibrateCheck != nil), ("--effort", effort != nil),
                ("--calibrate-tokens", calibrateTokens != nil),
            ] where isGiven {
                throw ValidationError("\(name) says how --calibrate works; it is missing")
            }
        }
        if let calibrateTokens, calibrateTokens < CalibrateOptions.windowLength * 4 {
            throw ValidationError(
                "--calibrate-tokens is \(calibrateTokens), expected at least"
                    + " \(CalibrateOptions.windowLength * 4)")
        }
        if let text = calibrate, text.lowercased().hasSuffix(".gguf") {
            throw ValidationError(
                "--calibrate takes the word behind it as a text, and \(text) is a model; put"
                    + " --calibrate last, or write --calibrate=TEXT")
        }
    }

    /// Tokens of a window.
    static let windowLength = 512
    /// Tokens that are used where nobody says.
    static let usualTokenCount = 16_384

    /// Reads the texts and tokenizes them for the model; `nil` without `--calibrate`.
    func load(for source: any TensorSource) throws -> LoadedCalibration? {
        guard let calibrate else { return nil }
        let model = try Model(source: source)
        let vocabulary = try Vocabulary(metadata: source.metadata, file: source.path)
        let tokenizer = try Tokenizer(vocabulary: vocabulary)
        var digests: [(name: String, sha256: String)] = []
        func documents(
            _ list: String, _ kind: CalibrationDocument.Kind
        ) throws -> [CalibrationDocument] {
            try list.split(separator: ",").map { path in
                let contents = try TextFiles.contents(paths: [String(path)])
                for warning in contents.warnings { Terminal.warning(warning.description) }
                let name = TextNames.short(String(path))
                digests.append((name, CalibrateOptions.digest(contents.bytes)))
                return CalibrationDocument(
                    kind: kind, name: name,
                    tokens: try tokenizer.encode(contents.bytes, addSpecial: false))
            }
        }
        var all = try documents(calibrate, .given)
        all += try documents(calibrateCheck ?? "", .prose)
        let text = CalibrationText(
            all, tokenCount: calibrateTokens ?? CalibrateOptions.usualTokenCount,
            windowLength: min(CalibrateOptions.windowLength, model.contextLength),
            bos: tokenizer.leadingID)
        guard !text.fitting.isEmpty, !text.validation.isEmpty else {
            throw EvaluationError(
                .textTooShort(
                    tokens: all.reduce(0) { $0 + $1.tokens.count },
                    contextLength: text.windowLength * 4),
                path: digests.map(\.name).joined(separator: " + "))
        }
        return LoadedCalibration(
            text: text, effort: effort ?? .normal, digests: digests,
            tensors: CalibratedRounding.observedTensors(of: model))
    }

    private static func digest(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
    }
}

/// Texts that a model is calibrated with.
struct LoadedCalibration {
    let text: CalibrationText
    let effort: RoundingEffort
    let digests: [(name: String, sha256: String)]
    /// The tensors whose inputs can be observed.
    let tensors: Set<String>

    /// What the files say of it.
    var metadata: [MetadataOverride] {
        func strings(_ list: [String]) -> MetadataValue {
            .strings(ByteStrings(list.map { ByteString($0) }))
        }
        return [
            MetadataOverride(
                key: "ingot.calibration.texts", value: strings(digests.map(\.name))),
            MetadataOverride(
                key: "ingot.calibration.sha256", value: strings(digests.map(\.sha256))),
            MetadataOverride(
                key: "ingot.calibration.tokens",
                value: .uint32(UInt32(clamping: text.tokenCount))),
            MetadataOverride(
                key: "ingot.calibration.effort", value: .string(ByteString(effort.rawValue))),
            MetadataOverride(
                key: "ingot.calibration.version", value: .string(ByteString(Ingot.version))),
        ]
    }
}
