import ArgumentParser
import Inference
import Modelfiles
import Serving
import TensorCore

/// A Modelfile that says which model is served, and how it answers.
struct ModelfileOptions: ParsableArguments {
    @Option(
        name: [.customShort("f"), .customLong("file"), .customLong("modelfile")],
        help: ArgumentHelp(
            "A Modelfile as Ollama has it: FROM, PARAMETER, SYSTEM, MESSAGE, LICENSE.",
            valueName: "Modelfile"))
    var path: String?

    /// The model's path and what is said of its answers.
    ///
    /// - Throws: `ModelfileError`.
    func load() throws -> (model: String, preset: ModelPreset)? {
        guard let path else { return nil }
        let bytes = try InputFile.contents(path: path, limit: Modelfile.byteLimit)
        let modelfile = try Modelfile(parsing: bytes, file: path)
        let preset = try ModelPreset(modelfile, path: path)
        let lines = modelfile.entries.filter {
            if case .from = $0.instruction { true } else { false }
        }.map(\.line)
        guard lines.count == 1, let from = modelfile.from else {
            throw ModelfileError(
                file: path, line: lines.last ?? 0, problem: "FROM stands twice: expected one model")
        }
        for note in preset.notes { Terminal.warning("\(path): \(note)") }
        return (try ModelfileOptions.model(from, besides: path, line: lines[0]), preset)
    }

    /// A path, seen from the Modelfile's folder.
    private static func model(
        _ from: String, besides path: String, line: Int
    ) throws -> String {
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let whole =
            from.hasPrefix("/") || folder.isEmpty
            ? from : folder.joined(separator: "/") + "/" + from
        guard FileIdentity(path: whole) == nil else { return whole }
        throw ModelfileError(
            file: path, line: line, problem: "FROM \(from): there is no such file",
            remedy: from.contains("/") || from.hasSuffix(".gguf")
                ? nil : "Names of a registry's models are not fetched: name a GGUF file.")
    }
}
