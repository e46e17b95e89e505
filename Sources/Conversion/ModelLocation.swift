#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import Safetensors
import TensorCore

/// Where a model is, and what it is called there.
///
/// The cache of the Hugging Face hub's client keeps a repository as
/// `models--OWNER--NAME/snapshots/COMMIT/` with links to `blobs/`, and the commit of each branch in
/// `refs/`: the model's name is the repository's, and the folder above the snapshots stands for the
/// one that `refs/main` names.
struct ModelLocation: Equatable {
    /// The directory that holds `config.json`.
    let path: String
    /// The directory's own name; that of the repository in a cache.
    let name: String
    /// Who published the model, where the path tells.
    let owner: String?
    /// What the user should know.
    let notices: [String]

    /// Finds the model that the user means by `path`.
    ///
    /// - Throws: `FileError` when nothing is there, `ConversionError` about a file in the place of a
    ///   directory and about several models in the place of one.
    init(_ path: String) throws {
        switch ModelLocation.isDirectory(path) {
        case nil:
            if FileIdentity(path: path) == nil, ModelLocation.isHubID(path) {
                throw ConversionError(.notAModel(.notDownloaded), path: path)
            }
            throw FileError(.notFound, path: path)
        case false?: throw ConversionError(.notAModel(.file), path: path)
        case true?: break
        }
        let folder = path.hasSuffix("/") && path != "/" ? String(path.dropLast()) : path
        guard FileIdentity(path: folder + "/config.json") == nil,
            ModelLocation.isDirectory(folder + "/snapshots") == true
        else {
            self.init(directory: path, notices: [])
            return
        }
        let snapshot = try ModelLocation.snapshot(of: folder)
        self.init(
            directory: "\(folder)/snapshots/\(snapshot)",
            notices: ["the model is read from snapshots/\(snapshot)"])
    }

    private init(directory: String, notices: [String]) {
        path = directory
        self.notices = notices
        let parts = ModelLocation.parts(of: directory)
        if parts.count >= 3, parts[parts.count - 2] == "snapshots",
            let (owner, name) = ModelLocation.repository(parts[parts.count - 3])
        {
            (self.owner, self.name) = (owner, name)
        } else {
            // ModelScope's client writes the dots of names so.
            (owner, name) = (nil, (parts.last ?? "").replacing("___", with: "."))
        }
    }

    /// The parts of a path; of the path that it stands for, when its own last ones tell nothing.
    private static func parts(of path: String) -> [String] {
        func split(_ path: String) -> [String] {
            path.split(separator: "/").filter { $0 != "." }.map(String.init)
        }
        let parts = split(path)
        let isCommit = parts.last?.wholeMatch(of: /[0-9a-f]{40}/) != nil
        guard parts.isEmpty || parts.last == ".." || isCommit && parts.count < 3,
            let resolved = realpath(path, nil)
        else { return parts }
        defer { free(resolved) }
        return split(String(cString: resolved))
    }

    /// The owner, if there is one, and the name of `models--OWNER--NAME`.
    private static func repository(_ folder: String) -> (owner: String?, name: String)? {
        guard folder.hasPrefix("models--") else { return nil }
        let id = folder.dropFirst("models--".count)
        guard let separator = id.firstRange(of: "--") else { return (nil, String(id)) }
        return (String(id[..<separator.lowerBound]), String(id[separator.upperBound...]))
    }

    /// The snapshot of `refs/main`, or the only one.
    private static func snapshot(of repository: String) throws -> String {
        let names = try Directory.names(in: repository + "/snapshots").filter {
            !$0.hasPrefix(".") && isDirectory("\(repository)/snapshots/\($0)") == true
        }
        let main = try? InputFile.contents(path: repository + "/refs/main", limit: 1 << 10)
        let commit = main.map { String(decoding: $0, as: UTF8.self).filter { !$0.isWhitespace } }
        if let commit, names.contains(commit) { return commit }
        guard let only = names.first, names.count == 1 else {
            throw ConversionError(
                names.isEmpty
                    ? .missingFile("snapshots/COMMIT/config.json") : .notAModel(.models(names)),
                path: repository + "/snapshots")
        }
        return only
    }

    /// Whether `path` is a directory; `nil` when nothing is there.
    static func isDirectory(_ path: String) -> Bool? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether this could be the name of a repository on the hub rather than a path.
    static func isHubID(_ path: String) -> Bool {
        path.wholeMatch(of: /[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*/) != nil
    }
}

extension ModelLocation {
    /// The folder of a repository in the hub's cache; `nil` when it is not there.
    ///
    /// <https://huggingface.co/docs/huggingface_hub/guides/manage-cache>
    static func cached(_ id: String) -> String? {
        guard isHubID(id) else { return nil }
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        let home = variable("HF_HOME") ?? variable("HOME").map { $0 + "/.cache/huggingface" }
        guard let cache = variable("HF_HUB_CACHE") ?? home.map({ $0 + "/hub" }) else { return nil }
        let folder = "\(cache)/models--\(id.replacing("/", with: "--"))"
        return isDirectory(folder + "/snapshots") == true ? folder : nil
    }
}
