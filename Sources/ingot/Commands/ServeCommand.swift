import Architectures
import ArgumentParser
import Evaluation
import GGUF
import Inference
import Reporting
import Serving
import ServingHTTP
import Synchronization
import TensorCore
import Templates
import Tokenization

/// The command `ingot serve MODEL`.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a model over HTTP, as OpenAI and Ollama do.",
        discussion: """
            Clients of OpenAI find /v1/models, /v1/chat/completions and /v1/completions, \
            clients of Ollama /api/chat, /api/generate, /api/tags and /api/show; /health, \
            /metrics, /tokenize, /detokenize and /apply-template are there too. Embeddings \
            are at /v1/embeddings and /api/embed, also of encoders, which do nothing else; a \
            reranker answers /v1/rerank. The same seed gives the same text whatever else \
            runs. Ctrl-C and SIGTERM let running requests end.

            Examples:
              ingot serve model-Q4_K_M.gguf
              ingot serve -f Modelfile
              ingot serve model-Q4_K_M.gguf --port 9000 --parallel 8 --ctx-size 32768
              ingot serve bge-small-Q8_0.gguf --pooling cls
              curl http://127.0.0.1:8080/v1/chat/completions -d '{"messages":
                [{"role": "user", "content": "Why is the sky blue?"}]}'
            """)

    @Argument(
        help: "The GGUF file; of a split model, the first part. A Modelfile names it in FROM.")
    var model: String?

    @OptionGroup var modelfile: ModelfileOptions
    @OptionGroup(title: "Clients") var access: ServerAccessOptions
    @OptionGroup(title: "Slots") var slots: SlotOptions
    @OptionGroup var pooling: PoolingOptions

    @Option(
        help: ArgumentHelp(
            "A Jinja template in place of the model's; - is standard input.", valueName: "file"))
    var chatTemplateFile: String?

    @OptionGroup var tokenizing: TokenizerOptions
    @OptionGroup var options: RunOptions

    mutating func validate() throws {
        guard (model == nil) != (modelfile.path == nil) else {
            throw ValidationError("expected a model, or -f and a Modelfile that names one")
        }
    }

    func run() throws {
        let (path, preset) = try modelfile.load() ?? (model ?? "", ModelPreset())
        let model = try Model(path: path)
        let (tokenizer, gaps) = try tokenizing.load(for: model)
        Terminal.warnings(gaps)
        let served = try served(model, tokenizer, preset)
        var settings = slots.settings(for: model, usualContext: preset.contextLength)
        settings.pooling = pooling.pooling
        // Slots are for texts that are continued; vectors have the model's whole context.
        if model.description.seesAhead, slots.context == nil, preset.contextLength == nil {
            settings.slotCapacity = max(1, model.contextLength)
        }
        let api = ServingAPI(policy: try access.policy())
        for warning in access.warnings { Terminal.warning(warning) }
        let failure = Mutex<(any Error)?>(nil)
        let pool = options.pool(usualThreads: preset.threadCount)
        let server = HTTPServer(api, settings: access.settings)
        let (slots, access, isQuiet, ready) = (slots, access, options.quiet, settings)
        try Concurrently.run {
            let engine = Mutex<Engine?>(nil)
            let task = Task {
                try await server.run { port in
                    if !isQuiet {
                        Terminal.note("listening at http://\(access.address(port: port))")
                    }
                } stopping: {
                    if !isQuiet { Terminal.note("stopping: running requests may end") }
                    await engine.withLock { $0 }?.stop(within: access.settings.graceSeconds)
                }
            }
            // The matrices are read while the server answers that it is not ready.
            let load: @Sendable () -> Void = {
                do {
                    let made = try Engine(
                        model: model, tokenizer: tokenizer, settings: ready,
                        metrics: api.metrics, pool: pool)
                    engine.withLock { $0 = made }
                    api.serve(served, with: made)
                    if !isQuiet { Terminal.note(slots.note(made, model)) }
                } catch {
                    failure.withLock { $0 = error }
                    task.cancel()
                }
            }
            do {
                do {
                    try BackgroundThread.start(load)
                } catch {
                    failure.withLock { $0 = error }
                    task.cancel()
                }
                try await task.value
            } catch {
                if let failure = failure.withLock({ $0 }) { throw failure }
                throw ServingError(address: access.address(port: nil), cause: error)
            }
            if let failure = failure.withLock({ $0 }) { throw failure }
        }
    }

    private func served(
        _ model: Model, _ tokenizer: Tokenizer, _ preset: ModelPreset
    ) throws -> ServedModel {
        let source = try chatTemplateFile.map { try ChatTemplateOptions.text(of: $0).description }
        var template: ChatTemplate?
        if source != nil || ChatTemplate.exists(in: model.source.metadata) {
            template = try ChatTemplate(
                metadata: model.source.metadata, source: source,
                path: chatTemplateFile.map(TextNames.long) ?? model.path)
        } else if !model.description.seesAhead {
            Terminal.warning(
                "\(Paths.name(model.path)) has no chat template: chat endpoints answer with an error."
                    + " Give one with --chat-template-file")
            if preset.changesConversations {
                Terminal.warning("SYSTEM and MESSAGE have no effect without a chat template")
            }
        }
        return ServedModel(
            model: model, tokenizer: tokenizer, template: template,
            templateSource: source ?? model.source.metadata[ChatTemplate.key]?.text,
            names: access.aliases + ServedModel.names(ofFile: model.path), preset: preset)
    }
}

/// A server that cannot run.
struct ServingError: IngotError {
    let address: String
    let cause: any Error
    var file: String? { nil }
    var place: String? { address }
    var problem: String { "cannot be listened at (\(cause))" }
    var remedy: String? { "Choose another --port or --host." }
    var exitCode: TensorCore.ExitCode { .inputOutput }
}
