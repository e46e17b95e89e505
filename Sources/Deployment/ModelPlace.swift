import Conversion
import Foundation
import TensorCore

/// Where a model is, and where an engine finds it.
struct ModelPlace {
    /// The file or folder on this machine that an engine gets to see.
    let source: String
    /// Where a container has that.
    let mount: String
    /// The model in a container; of Ollama the folder of models.
    let container: String
    /// The model on this machine; of Ollama the folder of models.
    let host: String
    /// What is to be done before `source` is there.
    let preparation: String?

    /// The folder of models in a container.
    static let folder = "/models"

    init(_ request: Deployment.Request, name: String, context: Int) throws(DeploymentError) {
        let model = request.model
        guard !model.path.contains(where: \.isNewline), !model.path.contains("\0") else {
            throw DeploymentError(
                file: model.path, problem: "has a path that no file of settings can hold",
                remedy: "Give it another name.")
        }
        let path = URL(filePath: model.path).standardizedFileURL.resolvingSymlinksInPath().path
        if request.engine == .ollama {
            let isUnit = request.target == .systemd
            source = isUnit ? "/srv/\(name)" : "./store"
            (mount, container, host) = (ModelPlace.folder, ModelPlace.folder, source)
            preparation =
                (isUnit ? "sudo " : "")
                + "ingot modelfile \(shellQuoted(path)) --ollama-store \(source) --name \(name)"
                + " --ctx-size \(context)"
            return
        }
        preparation = nil
        host = path
        let own = Paths.name(path)
        if model.container == .directory, let (root, inside) = ModelPlace.cache(path) {
            // Its files are links to others of the repository.
            source = root
            mount = "\(ModelPlace.folder)/\(Paths.name(root))"
            container = "\(mount)/\(inside)"
        } else if model.weightFiles.count > 1, model.container == .gguf {
            source = String(path.dropLast(own.utf8.count + 1))
            mount = ModelPlace.folder
            container = "\(mount)/\(own)"
        } else {
            source = path
            let isPlain = own.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || ".-_".utf8.contains($0)
            }
            mount =
                "\(ModelPlace.folder)/"
                + (isPlain ? own : model.container == .gguf ? "model.gguf" : "model")
            container = mount
        }
    }

    /// The repository's folder in the hub's cache, and the snapshot in it.
    private static func cache(_ path: String) -> (root: String, inside: String)? {
        let parts = path.split(separator: "/")
        guard parts.count >= 3, parts[parts.count - 2] == "snapshots",
            parts[parts.count - 3].hasPrefix("models--")
        else { return nil }
        return (
            "/" + parts.dropLast(2).joined(separator: "/"),
            parts.suffix(2).joined(separator: "/")
        )
    }
}

/// A word of a shell's command line.
func shellQuoted(_ text: String) -> String {
    let isPlain =
        !text.isEmpty
        && text.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                || "-_./:=,@%+".utf8.contains($0)
        }
    return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
}
