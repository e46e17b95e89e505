import Checkpoints
import Reporting
import TensorCore

/// The table of the files: how large each is, what it lost, what it is for.
struct CardTable {
    let text: String

    init(_ rows: [CardRow], _ report: CardReport?, plot: String?) {
        let measured = rows.contains { $0.figures != nil } ? report : nil
        var text = "## Files\n\n"
        var heads = ["File", "Type", "Size", "Bits/weight"]
        heads += measured?.heads.map(\.title) ?? []
        text += CardMarkdown.row(heads + ["What for"])
        text += "| :-- | :-- |" + String(repeating: " --: |", count: heads.count - 2) + " :-- |\n"
        for row in rows {
            var cells = [
                markdownCode(row.name, inTable: true), markdownEscaped(row.model.typeName),
                NumberText.bytes(row.model.byteCount),
                row.model.bitsPerWeight.map { NumberText.fixed($0, 2) } ?? "–",
            ]
            if let measured {
                cells +=
                    row.figures?.cells
                    ?? measured.heads.map { row.isBase ? $0.base : "–" }
            }
            text += CardMarkdown.row(cells + [markdownEscaped(CardPurpose.text(row))])
        }
        if let measured {
            text += "\n\(measured.note)\n"
            if let plot {
                text += "\n![Divergence against the size of the files](\(plot))\n"
            }
        }
        self.text = text
    }
}

/// What a file is for, by what it lost where that was measured and by its bits where not.
enum CardPurpose {
    static func text(_ row: CardRow) -> String {
        if row.isBase { return "The original: to quantize and to compare" }
        var sentences: [String] = []
        if let figures = row.figures {
            sentences.append(measured(figures.share))
        } else if row.model.container == .gguf, let bits = row.model.bitsPerWeight {
            sentences.append(unmeasured(bits))
        }
        if row.model.container == .directory { sentences.append(engines(row.model)) }
        return sentences.joined(separator: ". ")
    }

    private static func measured(_ share: Double) -> String {
        switch share {
        case 0.99...: "As good as the original"
        case 0.97..<0.99: "Hardly to be told from the original"
        case 0.94..<0.97: "Good quality, much smaller"
        case 0.90..<0.94: "Where memory is short"
        case 0.80..<0.90: "A loss that shows; where nothing larger fits"
        default: "Much is lost: for experiments"
        }
    }

    private static func unmeasured(_ bits: Double) -> String {
        switch bits {
        case 15...: "The original's precision: to quantize and to compare"
        case 7.5..<15: "Hardly any loss"
        case 6..<7.5: "Little loss"
        case 4.5..<6: "The usual choice: good quality, much smaller"
        case 3.5..<4.5: "Where memory is short"
        case 2.5..<3.5: "A loss that shows; where nothing larger fits"
        default: "Much is lost: for experiments"
        }
    }

    /// The engines of a directory.
    private static func engines(_ model: ModelFacts) -> String {
        guard model.quantization != nil else { return "The original: to quantize and to compare" }
        let stem = model.typeName.split(separator: " ").first.map(String.init) ?? ""
        if let form = CheckpointForm.named(stem)?.form {
            return
                "\(form.purpose.prefix(1).uppercased() + form.purpose.dropFirst()) (\(form.engines))"
        }
        let engines = [Engine.vllm, .sglang, .tgi, .tensorrtLLM].filter {
            (try? $0.check(model)) != nil
        }
        return engines.map(\.title).joined(separator: ", ")
    }
}
