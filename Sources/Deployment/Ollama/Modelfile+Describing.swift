import Foundation
public import Modelfiles
import TensorCore

extension Modelfile {
    /// What is to be said of a model.
    public struct Request: Sendable {
        /// What stands behind FROM.
        public var from: String
        /// What the model is told first.
        public var system: String?
        /// A template in Go's language.
        public var template: String?
        /// Texts of licenses; of none the model's own.
        public var licenses: [String] = []
        /// Settings that have precedence over the model's; several `stop` are added to its own.
        public var parameters: [(name: String, value: String)] = []
        /// The tokens of a conversation; 0 for what the model was trained with, `nil` for those, or
        /// `usualContext` where they are more.
        public var context: Int?

        /// Asks for what the model says of itself.
        public init(from: String) { self.from = from }
    }

    /// Tokens of a conversation where nothing is said of them: a context of 128 thousand takes more
    /// memory than many a model.
    public static let usualContext = 8192

    /// Keys of a GGUF file's recommended sampling, and Ollama's words for them.
    private static let sampling = [
        ("temp", "temperature"), ("top_k", "top_k"), ("top_p", "top_p"), ("min_p", "min_p"),
        ("penalty_repeat", "repeat_penalty"), ("penalty_last_n", "repeat_last_n"),
    ]

    /// The instructions by which Ollama runs a model.
    ///
    /// Settings are those that the model's authors recommend, which a conversion takes from
    /// `generation_config.json`. Stop words are the texts of EOS, EOT and EOM alone.
    ///
    /// - Throws: `DeploymentError` for a setting that Ollama has not, or a value that it has not.
    public init(_ model: ModelFacts, _ request: Request) throws {
        var instructions: [Instruction] = [.from(request.from)]
        var parameters = Modelfile.recommended(model, context: request.context)
        for (name, value) in request.parameters {
            try Modelfile.check(name, value)
            let name = name.lowercased()
            if name != "stop" { parameters.removeAll { $0.name == name } }
            if !parameters.contains(where: { $0.name == name && $0.value == value }) {
                parameters.append((name, value))
            }
        }
        instructions += parameters.map { .parameter(name: $0.name, value: $0.value) }
        if let template = request.template { instructions.append(.template(template)) }
        if let system = request.system { instructions.append(.system(system)) }
        let licenses =
            request.licenses.isEmpty ? [model.license].compactMap { $0 } : request.licenses
        instructions += licenses.map { .license($0) }
        self.init(instructions)
    }

    private static func recommended(
        _ model: ModelFacts, context: Int?
    ) -> [(name: String, value: String)] {
        var parameters: [(name: String, value: String)] = []
        let trained = model.contextLength
        if let tokens = context == 0 ? trained : context ?? trained.map({ min($0, usualContext) }) {
            parameters.append(("num_ctx", "\(tokens)"))
        }
        guard !model.isEncoder else { return parameters }
        for (key, name) in sampling {
            guard let value = model.metadata["general.sampling.\(key)"] else { continue }
            if let integer = value.integer {
                parameters.append((name, "\(integer)"))
            } else if let number = value.float, number.isFinite {
                parameters.append((name, "\(number)"))
            }
        }
        var stops: [String] = []
        for role in ["eos", "eot", "eom"] {
            if let text = model.controlToken(role), !stops.contains(text) { stops.append(text) }
        }
        return parameters + stops.map { ("stop", $0) }
    }

    private static func check(_ name: String, _ value: String) throws(DeploymentError) {
        guard let parameter = ModelfileParameter.named(name) else {
            let names = ModelfileParameter.all.map(\.name).joined(separator: ", ")
            throw DeploymentError(
                problem:
                    "--parameter \(name): Ollama has no such setting, expected one of \(names)",
                exitCode: .usage)
        }
        guard parameter.value(value) != nil else {
            throw DeploymentError(
                problem: "--parameter \(name)=\(value): expected \(parameter.expected)",
                exitCode: .usage)
        }
    }
}

extension ModelFacts {
    /// Names of the file with a license's text, beside a model.
    private static let licenseNames = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE"]

    /// The text of the model's license: that of the file beside a directory's weights, or else its
    /// identifier, with name and address where there are; `nil` where nothing is told.
    public var license: String? {
        if container == .directory {
            for name in ModelFacts.licenseNames {
                let file = "\(path)/\(name)"
                guard FileIdentity(path: file) != nil,
                    let bytes = try? InputFile.contents(path: file, limit: 1 << 20),
                    let text = String(validating: bytes, as: UTF8.self), !text.isEmpty
                else { continue }
                return text.replacing("\r\n", with: "\n")
            }
        }
        let parts = ["license", "license.name", "license.link"].compactMap {
            metadata["general.\($0)"]?.text
        }.filter { !$0.isEmpty }
        return parts.isEmpty ? nil : parts.joined(separator: "\n")
    }
}

extension Modelfile {
    /// How a Modelfile at `output` names the model at `path`: seen from its folder where the model is
    /// in it, and by its whole path otherwise.
    ///
    /// - Parameter output: `nil` for a text whose place is not known.
    public static func reference(to path: String, from output: String?) -> String {
        guard let output else {
            return path.hasPrefix("/") || path.hasPrefix(".") ? path : "./\(path)"
        }
        let model = URL(filePath: path).standardizedFileURL.path
        let folder = URL(filePath: output).standardizedFileURL.deletingLastPathComponent().path
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        return model.hasPrefix(prefix) ? "./\(model.dropFirst(prefix.count))" : model
    }
}
