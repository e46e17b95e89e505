import Architectures
import Foundation
import TestSupport
import Testing

/// The files under `Families/`: a lineage is a folder or a file there, and keeps to itself.
@Suite struct LineageTests {
    /// A use of what another lineage declares.
    struct Trespass: Hashable, CustomStringConvertible {
        let file: String
        let name: String
        let owner: String
        var description: String { "\(file) uses \(name), which \(owner) declares" }
    }

    /// The Swift sources under a folder, by their paths in it.
    private static func sources(under folder: String) throws -> [String: String] {
        let root = Fixtures.projectRoot.appending(path: folder).path
        let paths = try FileManager.default.subpathsOfDirectory(atPath: root)
            .filter { $0.hasSuffix(".swift") }
        return try Dictionary(
            uniqueKeysWithValues: paths.map {
                ($0, try String(contentsOfFile: root + "/" + $0, encoding: .utf8))
            })
    }

    /// The code of a source without its comments and texts.
    private static func code(_ source: String) -> String {
        source.replacing(#/"(?:\\.|[^"\\\n])*"/#, with: "\"\"").replacing(#/\/\/[^\n]*/#, with: "")
    }

    /// What a source declares for other files: members and types at the outer two levels.
    private static func declared(in source: String) -> Set<String> {
        let declaration =
            #/^(?: {4})?(?:public |static |indirect )*(?:let|var|func|struct|enum|class|typealias) (\w+)/#
            .anchorsMatchLineEndings()
        return Set(code(source).matches(of: declaration).map { String($0.1) })
    }

    /// The first part of a path: the lineage.
    private static func lineage(of path: String) -> String {
        path.split(separator: "/").first.map { String($0) } ?? path
    }

    /// The uses of one lineage's names in another's files.
    ///
    /// - Parameters:
    ///   - families: The sources by path.
    ///   - common: Names that are declared elsewhere too and so are nobody's own.
    private static func trespasses(
        in families: [String: String], common: Set<String>
    ) -> Set<Trespass> {
        var owners: [String: Set<String>] = [:]
        for (path, source) in families {
            for name in declared(in: source) { owners[name, default: []].insert(lineage(of: path)) }
        }
        var found: Set<Trespass> = []
        for (path, source) in families {
            for word in Set(code(source).matches(of: #/\w+/#).map { String($0.output) })
            where !common.contains(word) {
                guard let owners = owners[word], !owners.contains(lineage(of: path)) else {
                    continue
                }
                found.insert(.init(file: path, name: word, owner: owners.sorted()[0]))
            }
        }
        return found
    }

    @Test func noFileUsesWhatAnotherLineageDeclares() throws {
        let all = try LineageTests.sources(under: "Sources/Architectures")
        let prefix = "Families/"
        let families = Dictionary(
            uniqueKeysWithValues: all.filter { $0.key.hasPrefix(prefix) }.map {
                (String($0.key.dropFirst(prefix.count)), $0.value)
            })
        #expect(families.count >= 70)
        let common = all.filter { !$0.key.hasPrefix(prefix) }.values
            .reduce(into: Set<String>()) { $0.formUnion(LineageTests.declared(in: $1)) }
        let found = LineageTests.trespasses(in: families, common: common)
        #expect(found.isEmpty, "\(found.map(\.description).sorted().joined(separator: "\n"))")
    }

    /// The check can fail: a name of Qwen's is found in Falcon's file, and not in Qwen's own, in a
    /// comment, in a text, or where `Rules/` declares it.
    @Test func trespassesAreFound() {
        let shared = """
            extension TensorModules {
                /// Experts.
                static let qwenExperts: Self = []
                private static let own = 1
                static func pooled() {}
            }
            """
        let families = [
            "Qwen/Qwen2.swift": shared, "Qwen/Qwen3.swift": "let tensors = [.qwenExperts, own]",
            "Olmo.swift": "// .qwenExperts\nlet name = \"qwenExperts\"\nlet keys = pooled()",
            "Falcon.swift": "let tensors = [.ends(), .qwenExperts]",
        ]
        #expect(
            LineageTests.trespasses(in: families, common: ["pooled"]) == [
                .init(file: "Falcon.swift", name: "qwenExperts", owner: "Qwen")
            ])
    }

    /// Every file declares the family that it is named after, under a symbol that is spelled alike.
    @Test func everyFileIsNamedAfterItsFamily() throws {
        let families = try LineageTests.sources(under: "Sources/Architectures/Families")
        var names: [String] = []
        for (path, source) in families {
            // A family of its own, or a neighbour's with changes.
            let declaration = #/static let (\w+)(?: = ModelFamily\(|: ModelFamily = \{)/#
            guard let found = source.firstMatch(of: declaration) else { continue }
            let file = String((path.split(separator: "/").last ?? "").dropLast(".swift".count))
            #expect(found.1.lowercased() == file.lowercased(), "\(path)")
            #expect(
                source.contains("name: \"\(file)\"") || source.contains(".name = \"\(file)\""),
                "\(path)")
            names.append(file)
        }
        #expect(Set(names) == Set(ModelFamily.all.map(\.name)))
        #expect(names.count == ModelFamily.all.count)
    }
}
