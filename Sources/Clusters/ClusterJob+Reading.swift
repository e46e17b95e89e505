import Quantization
import TensorCore
import Yams

extension ClusterJob {
    /// The most bytes of a job's file.
    private static let byteLimit = 1 << 20
    /// The most models, types and texts.
    private static let listLimit = 1000

    /// Reads a job.
    ///
    /// - Throws: `ClusterError` that names the line and the key, `FileError`.
    public init(path: String) throws {
        let bytes = try InputFile.contents(path: path, limit: ClusterJob.byteLimit)
        try self.init(yaml: String(decoding: bytes, as: UTF8.self), path: path)
    }

    /// Reads a job's text.
    ///
    /// - Parameter path: The file, for messages, and for its folder, which relative paths begin at.
    /// - Throws: `ClusterError`.
    init(yaml: String, path: String) throws(ClusterError) {
        let root = JobNode(node: try ClusterJob.compose(yaml, path), file: path, path: "")
        let keys = try root.members([
            "name", "program", "output", "models", "types", "outtype", "calibrate", "imatrix",
            "report", "parts", "keep-parts", "retries", "resources", "slurm", "kubernetes",
        ])
        func required(_ key: String) throws(ClusterError) -> JobNode {
            guard let value = keys[key] else {
                throw ClusterError(
                    file: path, problem: "the key \(key) is missing",
                    remedy: "docs/clusters.md describes the keys of a job.")
            }
            return value
        }
        let folder = try Folder(of: path)
        file = path
        let stem = Paths.name(path).split(separator: ".").first.map(String.init) ?? "job"
        name =
            try keys["name"].map { node throws(ClusterError) in try node.name() }
            ?? ClusterJob.plainName(stem)
        program =
            try keys["program"].map { node throws(ClusterError) in
                let text = try node.text()
                return text.contains("/") ? try folder.path(node) : text
            } ?? "ingot"
        output = try folder.path(required("output"))
        models = try ClusterJob.models(required("models"), folder)
        types = try ClusterJob.types(required("types"))
        outputType =
            try keys["outtype"].map { node throws(ClusterError) in
                try node.choice(["f32", "f16", "bf16", "auto"])
            } ?? "auto"
        calibration = try keys["calibrate"].map { node throws(ClusterError) in
            try Calibration(node, folder)
        }
        importance = try keys["imatrix"].map { node throws(ClusterError) in
            try Text(node, folder, isReport: false)
        }
        report = try keys["report"].map { node throws(ClusterError) in
            try Text(node, folder, isReport: true)
        }
        parts =
            try keys["parts"].map { node throws(ClusterError) in try ClusterJob.parts(node) }
            ?? [:]
        keepsParts = try keys["keep-parts"]?.boolean() ?? false
        retries = try keys["retries"]?.integer(0...100) ?? 3
        (usualResources, resources) = try ClusterJob.resources(keys["resources"])
        slurm = try keys["slurm"].map { node throws(ClusterError) in try Slurm(node) } ?? Slurm()
        kubernetes = try keys["kubernetes"].map { node throws(ClusterError) in
            try Kubernetes(node, folder)
        }
        try checkRounding(keys)
    }

    /// Throws where what is said of rounding does not go together.
    private func checkRounding(_ keys: [String: JobNode]) throws(ClusterError) {
        if let node = keys["imatrix"], keys["calibrate"] != nil {
            throw node.fault(
                "stands beside calibrate, which weighs columns itself; expected one of the two")
        }
        if let node = keys["calibrate"], calibration?.effort == "best",
            (parts[.quantize] ?? 1) > 1
        {
            throw node.fault(
                "effort best tunes norms by the whole file: levels cannot be made in parts",
                "Leave parts.quantize out, or ask for normal.")
        }
    }

    private static func compose(_ yaml: String, _ path: String) throws(ClusterError) -> Node {
        do {
            guard let node = try Yams.compose(yaml: yaml) else {
                throw ClusterError(file: path, problem: "nothing found, expected a job's keys")
            }
            return node
        } catch let error as YamlError {
            throw ClusterError(path, error)
        } catch let error as ClusterError {
            throw error
        } catch {
            throw ClusterError(file: path, problem: "\(error)")
        }
    }

    private static func models(_ node: JobNode, _ folder: Folder) throws(ClusterError) -> [Model] {
        var models: [Model] = []
        for element in try node.elements() {
            if case .scalar = element.node {
                let path = try folder.path(element)
                models.append(Model(name: plainName(modelName(path)), path: path))
            } else {
                let keys = try element.members(["path", "name"])
                guard let place = keys["path"] else {
                    throw element.fault("the key path is missing")
                }
                let path = try folder.path(place)
                let name = try keys["name"]?.name() ?? plainName(modelName(path))
                models.append(Model(name: name, path: path))
            }
            guard models.count <= listLimit else {
                throw node.fault("more than \(listLimit) models found")
            }
            let own = models[models.count - 1].name
            guard models.count(where: { $0.name == own }) == 1 else {
                throw element.fault(
                    "a second model called \(own) found, expected names that differ",
                    "Give it a name: {path: …, name: …}.")
            }
        }
        return models
    }

    private static func modelName(_ path: String) -> String {
        let name = Paths.name(path)
        guard name == "config.json" else {
            return name.hasSuffix(".gguf") ? String(name.dropLast(5)) : name
        }
        return path.split(separator: "/").dropLast().last.map(String.init) ?? "model"
    }

    private static func types(_ node: JobNode) throws(ClusterError) -> [Recipe] {
        var types: [Recipe] = []
        for element in try node.elements() {
            let recipe: Recipe
            do {
                recipe = try Recipe.parse(try element.text())
            } catch let error as RecipeError {
                throw element.fault(error.problem, error.remedy)
            } catch let error as ClusterError {
                throw error
            } catch {
                throw element.fault("\(error)")
            }
            guard !types.contains(where: { $0.name == recipe.name }) else {
                throw element.fault("\(recipe.name) a second time found, expected each type once")
            }
            types.append(recipe)
        }
        return types
    }

    private static func parts(_ node: JobNode) throws(ClusterError) -> [StageKind: Int] {
        var parts: [StageKind: Int] = [:]
        for (key, value) in try node.members(StageKind.divisible.map(\.rawValue)) {
            guard let kind = StageKind(rawValue: key) else { continue }
            parts[kind] = try value.integer(1...99_999)
        }
        return parts
    }

    private static func resources(
        _ node: JobNode?
    ) throws(ClusterError) -> (Resources, [StageKind: Resources]) {
        guard let node else { return (Resources(), [:]) }
        let own = ["cores", "memory", "time"]
        let keys = try node.members(own + StageKind.allCases.map(\.rawValue))
        func resources(_ keys: [String: JobNode]) throws(ClusterError) -> Resources {
            Resources(
                cores: try keys["cores"]?.integer(1...1024), memory: try keys["memory"]?.bytes(),
                seconds: try keys["time"]?.seconds())
        }
        var stages: [StageKind: Resources] = [:]
        for kind in StageKind.allCases {
            guard let value = keys[kind.rawValue] else { continue }
            stages[kind] = try resources(value.members(own))
        }
        return (try resources(keys), stages)
    }

    /// A name of letters, digits and dashes, as Kubernetes wants them.
    static func plainName(_ text: String) -> String {
        let letters = text.lowercased().map { letter in
            letter.isASCII && (letter.isLetter || letter.isNumber) ? letter : "-"
        }
        let name = String(letters.prefix(40)).split(separator: "-").joined(separator: "-")
        return name.isEmpty ? "model" : name
    }
}

extension JobNode {
    /// A name that files and jobs can be called after.
    func name() throws(ClusterError) -> String {
        let text = try text()
        guard ClusterJob.plainName(text) == text else {
            throw fault(
                "\(found) found, expected at most 40 small letters, digits and dashes between them",
                "Write \(ClusterJob.plainName(text)).")
        }
        return text
    }
}

/// The folder that relative paths begin at.
struct Folder {
    /// Its absolute path, without a slash at its end but for the root.
    let path: String

    init(of file: String) throws(ClusterError) {
        let absolute = Folder.absolute(file)
        path = absolute.lastIndex(of: "/").map { String(absolute[..<$0]) } ?? ""
    }

    /// A path of the job's file, absolute and without a slash at its end.
    func path(_ node: JobNode) throws(ClusterError) -> String {
        var text = try node.text()
        while text.count > 1, text.hasSuffix("/") { text.removeLast() }
        return text.hasPrefix("/") ? text : path + "/" + text
    }

    /// The paths of a list.
    func paths(_ node: JobNode?) throws(ClusterError) -> [String] {
        var paths: [String] = []
        for element in try node?.elements() ?? [] { paths.append(try path(element)) }
        return paths
    }
}

extension ClusterJob.Calibration {
    fileprivate init(_ node: JobNode, _ folder: Folder) throws(ClusterError) {
        if case .scalar = node.node, node.node.bool == true { return }
        let keys = try node.members(["text", "check", "effort", "tokens"])
        texts = try folder.paths(keys["text"])
        checks = try folder.paths(keys["check"])
        for (texts, key) in [(texts, "text"), (checks, "check")] {
            // The option's words are separated by commas.
            guard let path = texts.first(where: { $0.contains(",") }), let node = keys[key] else {
                continue
            }
            throw node.fault("the name \(path) found, expected one without a comma")
        }
        effort = try keys["effort"]?.choice(["fast", "normal", "best"])
        tokens = try keys["tokens"]?.integer(2048...1 << 30)
    }
}

extension ClusterJob.Text {
    fileprivate init(_ node: JobNode, _ folder: Folder, isReport: Bool) throws(ClusterError) {
        let keys = try node.members(
            ["text", "context", "chunks"] + (isReport ? ["activations"] : []))
        texts = try folder.paths(keys["text"])
        guard !texts.isEmpty else { throw node.fault("the key text is missing") }
        context = try keys["context"]?.integer(2...1 << 24)
        chunks = try keys["chunks"]?.integer(1...1 << 30)
        activations = try keys["activations"]?.choice(["f32", "q8"])
    }
}

extension ClusterJob.Slurm {
    fileprivate init(_ node: JobNode) throws(ClusterError) {
        let names = ["partition", "account", "qos", "constraint", "reservation"]
        let keys = try node.members(names + ["parallel", "options"])
        for name in names {
            guard let value = keys[name] else { continue }
            choices.append((name, try value.text()))
        }
        parallel = try keys["parallel"]?.integer(1...1_000_000)
        for element in try keys["options"]?.elements() ?? [] {
            let text = try element.text()
            guard text.hasPrefix("-") else {
                throw element.fault("\(element.found) found, expected an option of sbatch")
            }
            options.append(text)
        }
    }
}

extension ClusterJob.Kubernetes {
    fileprivate init(_ node: JobNode, _ folder: Folder) throws(ClusterError) {
        let keys = try node.members([
            "image", "claim", "mount", "namespace", "parallel", "node-selector", "user",
        ])
        func required(_ key: String) throws(ClusterError) -> JobNode {
            guard let value = keys[key] else { throw node.fault("the key \(key) is missing") }
            return value
        }
        image = try required("image").text()
        claim = try required("claim").text()
        mount = try folder.path(required("mount"))
        guard mount != "/" else {
            throw try required("mount").fault("the root found, expected a folder below it")
        }
        namespace = try keys["namespace"]?.text()
        parallel = try keys["parallel"]?.integer(1...100_000)
        nodeSelector = try keys["node-selector"]?.texts() ?? []
        user = try keys["user"]?.integer(1...1 << 31 - 2) ?? 10001
    }
}

extension ClusterError {
    /// A fault of the YAML itself.
    fileprivate init(_ path: String, _ error: YamlError) {
        func fault(_ mark: Mark?, _ problem: String) -> ClusterError {
            ClusterError(
                file: path, place: mark.map { "line \($0.line)" }, problem: problem,
                remedy: "The file is YAML; tabs do not indent, and \": \" stands behind a key.")
        }
        self =
            switch error {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                fault(mark, problem)
            case .duplicatedKeysInMapping(let keys, let context):
                fault(
                    context.mark,
                    "the key \(keys.joined(separator: ", ")) twice found, expected once")
            default: fault(nil, "\(error)")
            }
    }
}
