import Reporting
import TensorCore
import Templates

/// How the files are run.
struct CardUse {
    let text: String

    init(_ rows: [CardRow], _ request: ModelCardText.Request) {
        var text = "## How to run them\n"
        let files = rows.filter { $0.model.container == .gguf }
        let directories = rows.filter { $0.model.container == .directory }
        // The smallest that loses little, or the middle one.
        let good = files.filter { ($0.figures?.share ?? 0) >= 0.94 }
        let chosen = good.min { $0.model.byteCount < $1.model.byteCount }
        if let row = chosen ?? (files.isEmpty ? nil : files[files.count / 2]) {
            text += CardUse.files(row, request)
        }
        if let row = directories.first { text += CardUse.directory(row, request) }
        if let prompt = CardUse.prompt(rows[0].model) {
            text += "\n## Prompt format\n\n" + prompt
        }
        self.text = text
    }

    private static func files(_ row: CardRow, _ request: ModelCardText.Request) -> String {
        let file = shellQuoted(row.name.hasPrefix("-") ? "./\(row.name)" : row.name)
        let type = row.model.typeName
        let option = row.model.isEncoder ? " --embedding" : ""
        let context = min(row.model.contextLength ?? 4096, 8192)
        var llama = ["llama-server -m \(file) -c \(context)\(option)"]
        var ollama = [
            "ingot modelfile \(file) -o Modelfile",
            "ollama create my-model -f Modelfile && ollama run my-model",
        ]
        if let repository = request.repository {
            let place = shellQuoted("\(repository):\(type)")
            llama.append("llama-server -hf \(place) -c \(context)\(option)   # fetches it")
            ollama = ["ollama run \(shellQuoted("hf.co/\(repository):\(type)"))"]
        }
        let own =
            row.model.isEncoder
            ? ["ingot serve \(file)", "ingot embed \(file) -p \"A sentence\""]
            : [
                "ingot serve \(file)",
                ChatTemplate.exists(in: row.model.metadata)
                    ? "ingot chat \(file)" : "ingot generate \(file) -p \"Once upon a time\"",
            ]
        return "\nllama.cpp:\n\n" + CardMarkdown.block(llama) + "\nOllama:\n\n"
            + CardMarkdown.block(ollama) + "\nIngot:\n\n" + CardMarkdown.block(own)
    }

    private static func directory(_ row: CardRow, _ request: ModelCardText.Request) -> String {
        let place = request.repository ?? "./\(row.name)"
        var commands: [String] = []
        for engine in [Engine.vllm, .sglang, .tensorrtLLM]
        where (try? engine.check(row.model)) != nil {
            switch engine {
            case .vllm: commands.append("vllm serve \(shellQuoted(place))")
            case .sglang:
                commands.append(
                    "python3 -m sglang.launch_server --model-path \(shellQuoted(place))")
            default: commands.append("trtllm-serve \(shellQuoted(place)) --backend pytorch")
            }
        }
        return commands.isEmpty
            ? "" : "\nvLLM and other engines for GPUs:\n\n" + CardMarkdown.block(commands)
    }

    /// A conversation as the model's template writes it.
    private static func prompt(_ model: ModelFacts) -> String? {
        guard ChatTemplate.exists(in: model.metadata),
            let template = try? ChatTemplate(metadata: model.metadata)
        else { return nil }
        let user = ChatMessage(role: "user", content: "{prompt}")
        let system = ChatMessage(role: "system", content: "{system_prompt}")
        // The date is the reader's, whatever today is.
        let rendered =
            (try? template.render(messages: [system, user], addGenerationPrompt: true))
            ?? (try? template.render(messages: [user], addGenerationPrompt: true))
        guard let text = rendered?.text, text.utf8.count < 4096 else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        return CardMarkdown.block(lines).replacing("sh\n", with: "\n", maxReplacements: 1)
    }
}
