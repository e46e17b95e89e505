import Calibration
import Evaluation
import GGUF
import Inference
import Reporting

/// The built-in calibration texts, for commands that are given none.
struct MixWindows {
    /// The rows as windows.
    let windows: EvaluationText
    /// How many rows there are of each kind.
    let counts: [CalibrationTokens.Count]

    /// The texts tokenized as `model`'s file says.
    ///
    /// - Parameter limit: The most windows; `nil` for all that the texts hold.
    init(for model: Model, options: EvaluationOptions, limit: Int?) throws {
        let tokenizer = try options.tokenizing.load(for: model)
        for warning in tokenizer.warnings { Terminal.warning(warning.description) }
        let length = options.context
        guard length >= 4 else {
            throw EvaluationError(.contextTooShort(length), path: CalibrationMix.name)
        }
        let budget = limit.map { $0.multipliedReportingOverflow(by: length) }
        let tokens = try CalibrationTokens(
            documents: CalibrationMix.documents().filter { $0.use == .calibration },
            tokenizer: tokenizer.tokenizer,
            options: .init(
                rowLength: length,
                tokenBudget: budget.flatMap { $0.overflow ? nil : $0.partialValue }),
            chat: CalibrationTokens.chat(of: model.source.metadata, warn: Terminal.warning))
        counts = tokens.counts
        windows = try EvaluationText(
            tokens: tokens.rows.flatMap(\.tokens), bos: nil, contextLength: length,
            path: CalibrationMix.name)
    }

    /// What is calibrated on, a sentence.
    var note: String {
        let kinds = counts.map { "\($0.kind.rawValue) \($0.tokens)" }
        let tokens = counts.reduce(0) { $0 + $1.tokens }
        return "no text given: the built-in mix, \(NumberFormat.counted(tokens, "token")) ("
            + kinds.joined(separator: ", ") + ")"
    }
}
