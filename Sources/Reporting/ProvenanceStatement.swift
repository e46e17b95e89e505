/// The JSON of a provenance record: a statement of in-toto, version 1
/// (<https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>), with SLSA's provenance,
/// version 1 (<https://slsa.dev/spec/v1.0/provenance>), as its predicate.
struct ProvenanceStatement: Codable {
    static let type = "https://in-toto.io/Statement/v1"
    static let predicateType = "https://slsa.dev/provenance/v1"
    /// What `externalParameters` and `byproducts` mean.
    static let buildType = "urn:ingot:quantize:v1"

    /// A file or a tensor.
    struct Resource: Codable {
        var name: String?
        var digest: [String: String]?
        var annotations: Annotations?
    }
    /// What else is known of it.
    struct Annotations: Codable {
        var byteCount: Int?
        /// Of what was read: `source`, `importanceMatrix` or `calibrationText`.
        var role: String?
        /// Of a tensor: the formats that it had and has.
        var sourceType, type: String?
    }
    struct Predicate: Codable {
        var buildDefinition: Definition
        var runDetails: Details
    }
    struct Definition: Codable {
        var buildType: String
        var externalParameters: Parameters
        var resolvedDependencies: [Resource]
    }
    struct Parameters: Codable {
        var arguments: [String]
        var recipe: String?
        var calibration: ProvenanceRecord.Calibration?
    }
    struct Details: Codable {
        struct Builder: Codable {
            var id: String
            var version: [String: String]
        }
        var builder: Builder
        /// The tensors of the file, in their order.
        var byproducts: [Resource]
    }

    var _type: String
    var subject: [Resource]
    var predicateType: String
    /// `nil` in a statement of another tool.
    var predicate: Predicate?

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        _type = try container.decode(String.self, forKey: ._type)
        subject = try container.decode([Resource].self, forKey: .subject)
        predicateType = try container.decode(String.self, forKey: .predicateType)
        // What Ingot wrote has to be whole, what others wrote is theirs.
        let kind = try? container.decode(Kind.self, forKey: .predicate)
        predicate =
            kind?.buildDefinition.buildType == ProvenanceStatement.buildType
            ? try container.decode(Predicate.self, forKey: .predicate) : nil
    }

    private struct Kind: Decodable {
        struct Definition: Decodable { var buildType: String }
        var buildDefinition: Definition
    }
}

extension ProvenanceStatement {
    /// States a record.
    init(_ record: ProvenanceRecord) {
        func resource(_ file: ProvenanceRecord.File, _ role: String?) -> Resource {
            Resource(
                name: file.name, digest: ["sha256": file.sha256],
                annotations: Annotations(byteCount: file.byteCount, role: role))
        }
        let version = record.toolVersion ?? ""
        let texts = record.calibration?.texts ?? []
        _type = ProvenanceStatement.type
        subject = record.outputs.map { resource($0, nil) }
        predicateType = ProvenanceStatement.predicateType
        predicate = Predicate(
            buildDefinition: Definition(
                buildType: ProvenanceStatement.buildType,
                externalParameters: Parameters(
                    arguments: record.arguments, recipe: record.recipe,
                    calibration: record.calibration),
                resolvedDependencies: record.sources.map { resource($0, "source") }
                    + (record.importanceMatrix.map { [resource($0, "importanceMatrix")] } ?? [])
                    + texts.map {
                        Resource(
                            name: $0.name, digest: ["sha256": $0.sha256],
                            annotations: Annotations(role: "calibrationText"))
                    }),
            runDetails: Details(
                builder: .init(id: "pkg:generic/ingot@\(version)", version: ["ingot": version]),
                byproducts: record.tensors.map { tensor in
                    Resource(
                        name: tensor.name, digest: ["sha256": tensor.sha256],
                        annotations: Annotations(
                            byteCount: tensor.byteCount, sourceType: tensor.sourceType,
                            type: tensor.type))
                }))
    }
}

extension ProvenanceRecord {
    /// What a statement says; `nil` when it is of another kind, or tells a file without its digest.
    init?(_ statement: ProvenanceStatement) {
        func file(_ resource: ProvenanceStatement.Resource) -> File? {
            guard let digest = resource.digest?["sha256"]?.lowercased(),
                digest.wholeMatch(of: /[0-9a-f]{64}/) != nil
            else { return nil }
            return File(
                name: resource.name ?? "", byteCount: resource.annotations?.byteCount,
                sha256: digest)
        }
        let outputs = statement.subject.compactMap(file)
        guard statement._type == ProvenanceStatement.type, !outputs.isEmpty,
            outputs.count == statement.subject.count
        else { return nil }
        let details = statement.predicate?.runDetails
        let definition = statement.predicate?.buildDefinition
        let tensors = (details?.byproducts ?? []).compactMap { resource -> Tensor? in
            guard let name = resource.name, let sha256 = file(resource)?.sha256,
                let notes = resource.annotations, let type = notes.type,
                let byteCount = notes.byteCount
            else { return nil }
            return Tensor(
                name: name, sourceType: notes.sourceType ?? "", type: type, byteCount: byteCount,
                sha256: sha256)
        }
        guard tensors.count == details?.byproducts.count ?? 0 else { return nil }
        func files(_ role: String) -> [File] {
            (definition?.resolvedDependencies ?? []).filter { $0.annotations?.role == role }
                .compactMap(file)
        }
        self.init(
            toolVersion: details?.builder.version["ingot"],
            arguments: definition?.externalParameters.arguments ?? [],
            recipe: definition?.externalParameters.recipe, sources: files("source"),
            importanceMatrix: files("importanceMatrix").first,
            calibration: definition?.externalParameters.calibration, outputs: outputs,
            tensors: tensors)
    }
}
