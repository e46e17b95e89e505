import TensorCore

/// Which files of a directory hold the model's weights, where several could.
///
/// The choice is that of transformers (`_get_resolved_checkpoint_files`): the file that the
/// configuration names, else `model.safetensors`, else the shards of `model.safetensors.index.json`.
/// A directory without these is taken where it has one set of files called `model*.safetensors`.
struct WeightFiles {
    /// The files, in the order of their names.
    let names: [String]
    /// The index that names them, if one does.
    let index: String?
    /// What else lies there and is not read, a sentence each.
    let warnings: [String]

    static let singleName = "model.safetensors"
    static let indexName = "model.safetensors.index.json"

    /// Chooses.
    ///
    /// - Parameters:
    ///   - named: The file or index that the configuration names (`transformers_weights`).
    ///   - shards: Reads the names of the files in an index.
    /// - Throws: `SafetensorsError` when there are no weights, or several sets of which each could
    ///   be the model's.
    init(directory: String, named: String?, shards: (String) throws -> [String]) throws {
        let all = try Directory.names(in: directory)
        if let named {
            let isIndex = named.hasSuffix(".index.json")
            names = isIndex ? try shards(named) : [named]
            index = isIndex ? named : nil
        } else if all.contains(WeightFiles.singleName) {
            (names, index) = ([WeightFiles.singleName], nil)
        } else if all.contains(WeightFiles.indexName) {
            (names, index) = (try shards(WeightFiles.indexName), WeightFiles.indexName)
            try WeightFiles.refuseStale(names, all: all, directory: directory)
        } else {
            (names, index) = (try WeightFiles.onlySet(of: all, directory: directory), nil)
        }
        warnings = WeightFiles.warnings(about: all, taken: names, index: index)
    }

    /// An index of another version than the files beside it names files that are not there.
    private static func refuseStale(
        _ names: [String], all: [String], directory: String
    ) throws(SafetensorsError) {
        guard let missing = names.first(where: { !all.contains($0) }) else { return }
        let others = all.filter { isModelFile($0) && !names.contains($0) }
        guard !others.isEmpty else { return }
        throw SafetensorsError(
            .weightFiles(.staleIndex(missing: missing, others: others)), path: directory,
            place: indexName)
    }

    private static func isModelFile(_ name: String) -> Bool {
        name.hasPrefix("model") && name.hasSuffix(".safetensors")
    }

    /// The files of a directory that has no index, complete if they are numbered.
    private static func onlySet(of all: [String], directory: String) throws -> [String] {
        var sets: [String: [String]] = [:]
        for name in all where isModelFile(name) {
            sets[SafetensorsFile.Numbering(name)?.set ?? variant(of: name) ?? "", default: []]
                .append(name)
        }
        guard let set = sets.values.first else {
            // Where the Hugging Face hub's client puts what it has not yet.
            let cache = directory + "/.cache/huggingface/download"
            let parts = (try? Directory.names(in: cache)) ?? []
            let absence = SafetensorsError.absence(
                of: all + parts.filter { $0.hasSuffix(".incomplete") })
            if case .pickledWeights = absence {
            } else if let adapter = try Checkpoint.adapter(in: directory) {
                throw adapter
            }
            throw SafetensorsError(absence, path: directory)
        }
        guard sets.count == 1 else {
            throw SafetensorsError(
                .weightFiles(.severalSets(sets.values.map { summary($0) }.sorted())),
                path: directory)
        }
        for name in set {
            guard let missing = SafetensorsFile.Numbering(name)?.missing(among: set) else {
                continue
            }
            throw SafetensorsError(.missingShard(missing), path: directory)
        }
        return set
    }

    /// `fp16` for `model.fp16.safetensors`, which is a whole model by itself.
    private static func variant(of name: String) -> String? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0] == "model" ? String(parts[1]) : nil
    }

    /// What the user should know about the other files.
    private static func warnings(about all: [String], taken: [String], index: String?) -> [String] {
        let kept = Set(taken)
        var left = all.filter { name in
            guard !kept.contains(name), name != index else { return false }
            return name.hasSuffix(".safetensors") && !name.hasPrefix("adapter")
                || name.hasPrefix("pytorch_model") && name.hasSuffix(".bin")
                || name.hasPrefix("consolidated.") && name.hasSuffix(".pth")
        }
        // An index that names nothing but the file taken, as some tools write it, says no more.
        if index == nil, all.contains(indexName), !left.isEmpty || kept != [singleName] {
            left.append(indexName)
        }
        var warnings: [String] = []
        if !left.isEmpty {
            warnings.append("weights are read from \(summary(taken)); \(summary(left)) left aside")
        }
        if index == nil, taken.count == 1, let variant = variant(of: taken[0]) {
            warnings.append(
                "\(taken[0]) is the variant \(variant); the directory has no other weights")
        }
        for adapter in all
        where adapter.hasPrefix("adapter_model.") || adapter == "adapters.safetensors" {
            warnings.append(
                "the adapter \(adapter) is not applied: weights are those of \(summary(taken))")
        }
        return warnings
    }

    /// A few file names: `a, b and 3 more`.
    static func summary(_ names: [String]) -> String {
        let shown = names.prefix(names.count == 3 ? 3 : 2).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 2) more" : shown
    }
}

extension SafetensorsFile {
    /// What a name like `model-00001-of-00003.safetensors` says.
    struct Numbering {
        /// Equal for the files that belong together.
        let set: String
        private let prefix: String
        private let suffix: String
        private let width: Int
        private let total: Int

        /// `nil` for a name that is not numbered.
        init?(_ name: String) {
            guard let match = name.wholeMatch(of: /(.*-)([0-9]{1,9})(-of-([0-9]{1,9}).*)/),
                let total = Int(match.4), (1...100_000).contains(total)
            else { return nil }
            (prefix, suffix, width) = (String(match.1), String(match.3), match.2.utf8.count)
            self.total = total
            set = prefix + "#" + suffix
        }

        /// The first file of the set that is not there.
        func missing(among names: [String]) -> String? {
            let present = Set(names)
            for number in 1...total {
                let digits = String(number)
                let zeros = String(repeating: "0", count: max(0, width - digits.count))
                let name = prefix + zeros + digits + suffix
                if !present.contains(name) { return name }
            }
            return nil
        }
    }
}
