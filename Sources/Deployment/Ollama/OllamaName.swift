import TensorCore

/// The name of a model in Ollama: `[HOST/][NAMESPACE/]MODEL[:TAG]`.
public struct OllamaName: Sendable, Hashable, CustomStringConvertible {
    /// The registry, the owner, the model and its version.
    public let host, namespace, model, tag: String

    /// Reads a name.
    ///
    /// - Throws: `DeploymentError` for one that Ollama does not take.
    public init(_ text: String) throws(DeploymentError) {
        var parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let last = parts.removeLast().split(
            separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        (model, tag) = (String(last[0]), last.count > 1 ? String(last[1]) : "latest")
        namespace = parts.popLast() ?? "library"
        host = parts.popLast() ?? "registry.ollama.ai"
        let isSound =
            parts.isEmpty && OllamaName.isPart(model, dots: true)
            && OllamaName.isPart(tag, dots: true) && OllamaName.isPart(namespace, dots: false)
            && OllamaName.isHost(host)
        guard isSound else {
            throw DeploymentError(
                problem: "--name is \(text), expected [HOST/][NAMESPACE/]MODEL[:TAG] of letters,"
                    + " digits, hyphens, underscores and dots", exitCode: .usage)
        }
    }

    /// The name as people write it, without what goes without saying.
    public var description: String {
        let owner = namespace == "library" && host == "registry.ollama.ai" ? "" : "\(namespace)/"
        return (host == "registry.ollama.ai" ? "" : "\(host)/") + owner + "\(model):\(tag)"
    }

    private static func isPart(_ text: String, dots: Bool) -> Bool {
        (1...80).contains(text.utf8.count) && text.first.map { $0.isASCII && isWord($0) } == true
            && text.allSatisfy { isWord($0) || $0 == "-" || dots && $0 == "." }
    }

    private static func isHost(_ text: String) -> Bool {
        (1...350).contains(text.utf8.count) && text.first.map(isWord) == true
            && text.allSatisfy { isWord($0) || "-.:".contains($0) }
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "_")
    }
}
