import Synchronization
public import TensorCore

/// The parts of an output, found and compared.
public struct PartSet: Sendable {
    /// A part.
    public struct Part: Sendable {
        /// Its path, without the manifest's ending.
        public let path: String
        /// What is known of it.
        public let manifest: PartManifest
        /// The number of its list of sources among those that differ.
        fileprivate var sources = 0

        /// Describes a part.
        init(path: String, manifest: PartManifest) {
            self.path = path
            self.manifest = manifest
        }

        /// The path of one of its files.
        public func path(of file: PartManifest.File) -> String {
            PartSet.folder(of: path) + file.name
        }
    }

    /// The output's path.
    public let output: String
    /// The parts in their order, all of them.
    public let parts: [Part]

    /// The command that made them.
    public var command: String { parts[0].manifest.command }
    /// The bytes of all files, as manifests say.
    public var byteCount: Int {
        parts.lazy.flatMap(\.manifest.files).reduce(0) {
            $0.adding(checked: $1.byteCount) ?? Int.max
        }
    }

    /// The paths of what looks like parts of the output at `path`, beside it.
    ///
    /// - Throws: `FileError` where the folder cannot be read.
    public static func find(output path: String) throws(FileError) -> [String] {
        let folder = PartSet.folder(of: path)
        let prefix = Paths.name(path) + ".part-"
        var found: Set<String> = []
        for name in try Directory.names(in: folder.isEmpty ? "." : folder)
        where name.utf8.starts(with: prefix.utf8) {
            guard let (output, part) = PartNumber.parse(path: name), output == Paths.name(path)
            else { continue }
            found.insert(folder + output + part.suffix)
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }

    /// Reads the manifests of parts and compares them; nothing is read of the parts themselves.
    ///
    /// - Parameter paths: Parts or their manifests, in any order; those beside the output where
    ///   there are none.
    /// - Throws: `PartProblems` that names everything that keeps them from being joined, `FileError`.
    /// - Complexity: O(bytes of the manifests).
    public init(
        output: String, paths: [String] = [], pool: WorkerPool = WorkerPool()
    ) throws {
        let named = try paths.isEmpty ? PartSet.find(output: output) : paths
        guard !named.isEmpty else { throw PartError(.noParts, path: output) }
        let ending = PartNumber.manifestEnding
        let places = named.map { $0.hasSuffix(ending) ? String($0.dropLast(ending.count)) : $0 }
        var problems: [PartError] = []
        if paths.isEmpty {
            let counts = Set(places.compactMap { PartNumber.parse(path: $0)?.part.count })
            guard counts.count == 1 else {
                throw PartError(.severalDivisions(counts.sorted()), path: output)
            }
        }
        let reading = Mutex(Reading())
        try pool.run(jobCount: places.count) { _, number in
            let path = places[number]
            do {
                let manifest = try PartSet.manifest(of: path)
                reading.withLock { $0.add(manifest, of: path, at: number) }
            } catch let error as PartError {
                reading.withLock { $0.problems[number] = error }
            } catch let error as JSONError {
                let problem = PartError(
                    .notAManifest(found: error.problem, expected: "JSON"), path: error.file ?? path)
                reading.withLock { $0.problems[number] = problem }
            } catch let error as FileError where error.exitCode == .badData {
                // Such as nothing but zeros, where a machine lost its power.
                let problem = PartError(
                    .notAManifest(
                        found: "a file that \(error.problem)", expected: "a part's manifest"),
                    path: error.path)
                reading.withLock { $0.problems[number] = problem }
            }
        }
        let found = reading.withLock { $0 }
        problems += found.problems.sorted { $0.key < $1.key }.map(\.value)
        let read = found.parts.sorted { $0.key < $1.key }.map(\.value)
        let comparison = PartComparison(read, sources: found.sources)
        problems += comparison.problems(unread: places.count - read.count)
        guard problems.isEmpty else { throw PartProblems(problems) }
        if let own = FileIdentity(path: output),
            let part = read.first(where: {
                FileIdentity(path: $0.path)?.isSameFile(as: own) == true
            })
        {
            throw PartError(.isPart(part.manifest.part), path: output)
        }
        self.output = output
        parts = comparison.sorted
    }
}

extension PartSet {
    /// The manifest beside a part.
    fileprivate static func manifest(of path: String) throws -> PartManifest {
        let manifest = path + PartNumber.manifestEnding
        guard FileIdentity(path: manifest) != nil else {
            guard FileIdentity(path: path) != nil else { throw FileError(.notFound, path: path) }
            throw PartError(.withoutManifest, path: path)
        }
        return try PartManifest(path: manifest)
    }

    /// What has been read of the manifests, by their places in the list.
    private struct Reading {
        var parts: [Int: Part] = [:]
        var problems: [Int: PartError] = [:]
        /// Thousands of parts have the same hundreds of sources: one list for all.
        var sources: [[PartSource]] = []

        mutating func add(_ manifest: PartManifest, of path: String, at place: Int) {
            var own = manifest
            let number = sources.firstIndex(of: own.sources) ?? sources.count
            if number == sources.count { sources.append(own.sources) }
            own.sources = sources[number]
            var part = Part(path: path, manifest: own)
            part.sources = number
            parts[place] = part
        }
    }
}

/// Everything that keeps parts from being joined.
public struct PartProblems: IngotError {
    /// One or more.
    public let all: [PartError]

    /// Gathers problems, at least one.
    init(_ all: [PartError]) { self.all = all }

    private var first: PartError { all[0] }
    /// The file of the first.
    public var file: String? { first.file }
    /// The place of the first.
    public var place: String? { first.place }
    /// The first.
    public var problem: String { first.problem }
    /// What to do about the first.
    public var remedy: String? { first.remedy }
    /// As of the first.
    public var exitCode: ExitCode { first.exitCode }
}

/// Manifests against each other: what most have is right, so that the odd one is named.
private struct PartComparison {
    private let parts: [PartSet.Part]
    /// The lists of sources that parts have.
    private let sources: [[PartSource]]

    init(_ parts: [PartSet.Part], sources: [[PartSource]]) {
        self.parts = parts
        self.sources = sources
    }

    var sorted: [PartSet.Part] {
        parts.sorted { $0.manifest.part.number < $1.manifest.part.number }
    }

    /// - Parameter unread: Parts that are there but could not be read.
    func problems(unread: Int) -> [PartError] {
        guard !parts.isEmpty else { return [] }
        var problems: [PartError] = []
        problems += differences("command") { $0.manifest.command }
        problems += differences("version") { $0.manifest.version }
        problems += differences("number of parts") { "\($0.manifest.part.count)" }
        problems += sourceDifferences
        // Of another source a part has another plan too.
        if problems.isEmpty {
            problems += differences("plan") { $0.manifest.plan }
            problems += differences("kind of part") { PartComparison.kind(of: $0.manifest) }
        }
        // Numbers mean nothing across divisions.
        guard problems.isEmpty else { return problems }
        var paths: [Int: String] = [:]
        for part in sorted {
            let number = part.manifest.part
            if let other = paths[number.number] {
                problems.append(PartError(.doubled(number, other: other), path: part.path))
            }
            paths[number.number] = part.path
        }
        let count = parts[0].manifest.part.count
        let missing = (1...count).filter { paths[$0] == nil }
        // Parts that are there and cannot be read have been named.
        if missing.count > unread, let output = PartNumber.parse(path: parts[0].path)?.output {
            problems.append(PartError(.missing(missing, of: count), path: output))
        }
        return problems.isEmpty && unread == 0 ? gaps() : problems
    }

    /// How a part is joined.
    private static func kind(of manifest: PartManifest) -> String {
        let kind =
            manifest.isSplit
            ? "files of a split model"
            : manifest.place == nil ? "what was gathered" : "a stretch of the output"
        return kind + (manifest.finishing.map { ", \($0) to be tuned" } ?? "")
    }

    /// Parts of other sources than most, with the first file that differs.
    private var sourceDifferences: [PartError] {
        guard sources.count > 1, let usual = usual(parts.map(\.sources)) else { return [] }
        return parts.filter { $0.sources != usual }.map { part in
            let (own, expected) = (sources[part.sources], sources[usual])
            let place =
                zip(own, expected).enumerated().first { $0.element.0 != $0.element.1 }?.offset
                ?? min(own.count, expected.count)
            return PartError(
                .differs(
                    what: "source", found: PartComparison.text(of: own, place),
                    expected: PartComparison.text(of: expected, place)), path: part.path)
        }
    }

    private static func text(of sources: [PartSource], _ place: Int) -> String {
        guard place < sources.count else { return "no further file" }
        let source = sources[place]
        return "\(source.name) of \(source.byteCount) bytes (\(source.digest.prefix(12)))"
    }

    /// What most have; of several the first.
    private func usual<Value: Hashable>(_ values: [Value]) -> Value? {
        var counts: [Value: Int] = [:]
        for value in values { counts[value, default: 0] += 1 }
        let most = counts.values.max()
        return values.first { counts[$0] == most }
    }

    private func differences(_ what: String, _ value: (PartSet.Part) -> String) -> [PartError] {
        let values = parts.map(value)
        guard let usual = usual(values) else { return [] }
        return zip(parts, values).filter { $0.1 != usual }.map { part, value in
            PartError(.differs(what: what, found: value, expected: usual), path: part.path)
        }
    }

    /// Stretches of one output have to meet.
    private func gaps() -> [PartError] {
        var (end, total): (Int, Int?) = (0, nil)
        for part in sorted {
            guard let place = part.manifest.place, let file = part.manifest.files.first else {
                continue
            }
            guard place.offset == end else {
                return [PartError(.gap(found: place.offset, expected: end), path: part.path)]
            }
            total = place.byteCount
            end = place.offset.addingReportingOverflow(file.byteCount).partialValue
        }
        guard let total, end != total, let last = sorted.last else { return [] }
        return [PartError(.length(found: end, expected: total), path: last.path)]
    }
}
