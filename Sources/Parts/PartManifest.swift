import Crypto
public import TensorCore

/// What is known of a finished part: the file beside it that `ingot join` reads.
///
/// The keys of the JSON are described in docs/parts.md.
public struct PartManifest: Sendable, Hashable {
    /// A file that the part consists of.
    public struct File: Sendable, Hashable {
        /// Its name, without its folder.
        public var name: String
        /// Its length.
        public var byteCount: Int
        /// The digest of its bytes, in hexadecimal digits.
        public var sha256: String

        /// Describes a file.
        public init(name: String, byteCount: Int, sha256: String) {
            self.name = name
            self.byteCount = byteCount
            self.sha256 = sha256
        }
    }

    /// What the part is of the whole.
    public struct Share: Sendable, Hashable {
        /// What is counted: `tensors`, `windows`, `layers`.
        public var what: String
        /// The first and the last of them; null where there is none.
        public var first, last: JSON

        /// Describes a share.
        public init(what: String, first: JSON = .null, last: JSON = .null) {
            self.what = what
            self.first = first
            self.last = last
        }
    }

    /// Where the part's bytes go.
    public struct Place: Sendable, Hashable {
        /// The first byte's place in the output.
        public var offset: Int
        /// The length of the output.
        public var byteCount: Int

        /// Describes a place.
        public init(offset: Int, byteCount: Int) {
            self.offset = offset
            self.byteCount = byteCount
        }
    }

    /// The version of the form of manifests that is written and read.
    static let form = 1

    /// The command: `quantize`.
    public var command: String
    /// Which part.
    public var part: PartNumber
    /// The version of the program.
    public var version: String
    /// The digest of the plan, in hexadecimal digits.
    public var plan: String
    /// The files that were read.
    public var sources: [PartSource]
    /// The part's files: one, or the files of a split model that are in it.
    public var files: [File]
    /// Whether each file is one of the output and is only given its name.
    public var isSplit: Bool
    /// Where the file's bytes go in the output; `nil` where parts are not put one after another.
    public var place: Place?
    /// What the part is of the whole.
    public var share: Share
    /// How long it took.
    public var seconds: Double
    /// What joining still does to the output: `norms` are tuned; `nil` where joined parts are the output.
    public var finishing: String?
    /// What the record beside each file of the output will say besides digests; of a first part.
    public var records: [JSON] = []

    /// Describes a part.
    public init(
        command: String, part: PartNumber, version: String, plan: String, sources: [PartSource],
        files: [File], isSplit: Bool = false, place: Place? = nil, share: Share, seconds: Double
    ) {
        self.command = command
        self.part = part
        self.version = version
        self.plan = plan
        self.sources = sources
        self.files = files
        self.isSplit = isSplit
        self.place = place
        self.share = share
        self.seconds = seconds
    }

    /// Writes it, whole or not at all: the part is complete from then on.
    ///
    /// - Throws: `FileError`.
    public func write(to path: String) throws(FileError) {
        try OutputFile.write(PartManifest.sealed(content).written(), to: path)
    }
}

extension PartManifest {
    private typealias Members = [(key: String, value: JSON)]

    private static func object(_ members: Members) -> JSON {
        .object(members.map { JSON.Member(key: ByteString($0.key), value: $0.value) })
    }

    /// Members with their digest, by which a manifest that was edited is found.
    package static func sealed(_ members: [(key: String, value: JSON)]) -> JSON {
        object(members + [("digest", .string(ByteString(digest(of: members))))])
    }

    private static func digest(of members: Members) -> String {
        Hexadecimal.text(SHA256.hash(data: object(members).writtenCompactly()))
    }

    private var content: Members {
        func text(_ text: String) -> JSON { .string(ByteString(text)) }
        let files = files.map { file in
            PartManifest.object([
                ("name", text(file.name)), ("bytes", .integer(file.byteCount)),
                ("sha256", text(file.sha256)),
            ])
        }
        var members: Members = [
            ("ingot-part", .integer(PartManifest.form)), ("command", text(command)),
            ("part", .integer(part.number)), ("of", .integer(part.count)),
            ("version", text(version)), ("plan", text(plan)),
            (
                "source",
                .array(
                    sources.map { source in
                        PartManifest.object([
                            ("name", text(source.name)), ("bytes", .integer(source.byteCount)),
                            ("digest", text(source.digest)),
                        ])
                    })
            ),
        ]
        if isSplit {
            members.append(("files", .array(files)))
        } else if let file = files.first {
            members.append(("file", file))
        }
        if let place {
            members.append(
                (
                    "output",
                    PartManifest.object([
                        ("offset", .integer(place.offset)), ("bytes", .integer(place.byteCount)),
                    ])
                ))
        }
        members += [
            // Whole milliseconds: what is written reads back the same.
            ("seconds", .real((seconds * 1000).rounded() / 1000)),
            (
                "share",
                PartManifest.object([
                    ("what", text(share.what)), ("first", share.first), ("last", share.last),
                ])
            ),
        ]
        if let finishing { members.append(("finishing", text(finishing))) }
        if !records.isEmpty { members.append(("provenance", .array(records))) }
        return members
    }

    /// The most bytes of a manifest: thousands of source files, a record of 10⁵ tensors.
    private static let byteLimit = 1 << 26

    /// Reads a manifest.
    ///
    /// - Throws: `PartError` when it is none, or not as it was written; `FileError`; `JSONError`.
    public init(path: String) throws {
        let json = try JSON.parse(path: path, byteLimit: PartManifest.byteLimit)
        func fault(_ found: String, _ expected: String) -> PartError {
            PartError(.notAManifest(found: found, expected: expected), path: path)
        }
        guard let members = json.members, let form = json["ingot-part"]?.integer else {
            throw fault("another file", "a part's manifest")
        }
        guard form == PartManifest.form else {
            throw fault("form \(form)", "\(PartManifest.form)")
        }
        guard members.last?.key == "digest",
            members.last?.value.text
                == PartManifest.digest(
                    of: members.dropLast().map { ($0.key.description, $0.value) })
        else { throw PartError(.edited, path: path) }
        func member<Value>(_ json: JSON, _ key: String, _ get: (JSON) -> Value?) throws -> Value {
            guard let value = json[key], let found = get(value) else {
                throw fault("no \"\(key)\" of its kind", "all keys of a manifest")
            }
            return found
        }
        func count(_ json: JSON, _ key: String) throws -> Int {
            try member(json, key) { $0.integer.flatMap { $0 >= 0 ? $0 : nil } }
        }
        guard let part = PartNumber(try count(json, "part"), of: try count(json, "of")) else {
            throw fault("no part's number", "a part from 1 to \"of\"")
        }
        self.init(
            command: try member(json, "command", \.text), part: part,
            version: try member(json, "version", \.text), plan: try member(json, "plan", \.text),
            sources: try member(json, "source", \.array).map { source in
                PartSource(
                    name: try member(source, "name", \.text), byteCount: try count(source, "bytes"),
                    digest: try member(source, "digest", \.text))
            }, files: [],
            share: Share(what: try member(try member(json, "share") { $0 }, "what", \.text)),
            seconds: try member(json, "seconds", \.double))
        let share = try member(json, "share") { $0 }
        self.share.first = share["first"] ?? .null
        self.share.last = share["last"] ?? .null
        isSplit = json["files"] != nil
        files = try (isSplit ? member(json, "files", \.array) : [member(json, "file") { $0 }]).map {
            File(
                name: try member($0, "name", \.text), byteCount: try count($0, "bytes"),
                sha256: try member($0, "sha256", \.text))
        }
        // A name with a folder in it would lead elsewhere.
        for file in files where file.name.isEmpty || file.name.contains("/") {
            throw fault("the file name \"\(file.name)\"", "one without a folder")
        }
        place = try json["output"].map {
            Place(offset: try count($0, "offset"), byteCount: try count($0, "bytes"))
        }
        finishing = try json["finishing"].map { _ in try member(json, "finishing", \.text) }
        records = try json["provenance"].map { _ in try member(json, "provenance", \.array) } ?? []
    }
}
