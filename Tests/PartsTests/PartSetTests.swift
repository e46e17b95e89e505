import Foundation
import Parts
import TensorCore
import TestSupport
import Testing

/// Manifests and what is found when parts are compared.
@Suite struct PartSetTests {
    /// Three parts of ten bytes.
    private static func write(_ folder: String, _ change: (inout PartManifest) -> Void = { _ in })
        throws -> [String]
    {
        let pieces: [[UInt8]] = [[1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
        var (paths, offset): ([String], Int) = ([], 0)
        for (index, bytes) in pieces.enumerated() {
            let part = try #require(PartNumber(index + 1, of: 3))
            let path = part.path(of: folder + "/out")
            try OutputFile.write(bytes, to: path)
            var manifest = PartManifest(
                command: "quantize", part: part, version: "1", plan: "aa",
                sources: [PartSource(name: "in.gguf", byteCount: 5, digest: "cc")],
                files: [
                    .init(
                        name: Paths.name(path), byteCount: bytes.count,
                        sha256: try FileDigest.sha256(of: InputFile(path: path)))
                ], place: .init(offset: offset, byteCount: 10),
                share: .init(what: "tensors", first: .string("a"), last: .string("b")),
                seconds: 1.5)
            if index == 1 { change(&manifest) }
            try manifest.write(to: path + PartNumber.manifestEnding)
            #expect(try PartManifest(path: path + PartNumber.manifestEnding) == manifest)
            offset += bytes.count
            paths.append(path)
        }
        return paths
    }

    /// What keeps the parts in `folder` from being joined.
    private static func problems(_ folder: String, paths: [String] = []) -> [PartError.Kind] {
        do {
            try PartSet(output: folder + "/out", paths: paths).join()
            return []
        } catch let problems as PartProblems {
            return problems.all.map(\.kind)
        } catch let error as PartError {
            return [error.kind]
        } catch {
            Issue.record("\(error)")
            return []
        }
    }

    @Test func partsBecomeTheFile() throws {
        try Fixtures.withTemporaryFolder { folder in
            let paths = try Self.write(folder)
            // In any order, by their manifests too.
            let set = try PartSet(
                output: folder + "/out",
                paths: [paths[2], paths[0] + PartNumber.manifestEnding, paths[1]])
            try set.check()
            #expect(!Fixtures.exists(folder + "/out"))
            try set.join()
            #expect(try InputFile.contents(path: folder + "/out") == Array(1...10))
            try PartSet(output: folder + "/out").remove()
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["out"])
        }
    }

    @Test(arguments: [
        ("command", "convert"), ("version", "2"), ("source", "another"), ("plan", "bb"),
    ])
    func whatDiffersIsNamed(what: String, value: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let paths = try Self.write(folder) { manifest in
                switch what {
                case "command": manifest.command = value
                case "version": manifest.version = value
                case "plan": manifest.plan = value
                default:
                    manifest.sources = [PartSource(name: value, byteCount: 5, digest: "cc")]
                }
            }
            let problems = #expect(throws: PartProblems.self) {
                try PartSet(output: folder + "/out")
            }
            #expect(problems?.all.count == 1)
            // The odd one is named, not the first.
            #expect(problems?.file == paths[1])
            #expect(problems?.problem.contains("another \(what)") == true)
            #expect(problems?.problem.contains(value) == true)
            #expect(!Fixtures.exists(folder + "/out"))
        }
    }

    @Test func theFileThatDiffersIsNamed() throws {
        try Fixtures.withTemporaryFolder { folder in
            let other = PartSource(name: "text.txt", byteCount: 7, digest: "dd")
            _ = try Self.write(folder) { $0.sources.append(other) }
            let problems = #expect(throws: PartProblems.self) {
                try PartSet(output: folder + "/out")
            }
            #expect(problems?.problem.contains("text.txt of 7 bytes (dd) found") == true)
            #expect(problems?.problem.contains("no further file expected") == true)
        }
    }

    @Test func aPartIsNotWrittenOver() throws {
        try Fixtures.withTemporaryFolder { folder in
            let paths = try Self.write(folder)
            let error = #expect(throws: PartError.self) {
                try PartSet(output: paths[1], paths: paths)
            }
            #expect(error?.kind == .isPart(try #require(PartNumber(2, of: 3))))
        }
    }

    @Test func kindsOfPartsAreNotMixed() throws {
        try Fixtures.withTemporaryFolder { folder in
            let paths = try Self.write(folder) { $0.isSplit = true }
            let problems = #expect(throws: PartProblems.self) {
                try PartSet(output: folder + "/out")
            }
            #expect(problems?.file == paths[1])
            #expect(problems?.problem.contains("another kind of part") == true)
        }
    }

    @Test func lengthsThatCannotBeAreErrors() throws {
        try Fixtures.withTemporaryFolder { folder in
            _ = try Self.write(folder) { $0.files[0].byteCount = Int.max }
            guard case .gap = Self.problems(folder).first else {
                Issue.record("a part as long as no file passed")
                return
            }
            // Where parts do not follow each other nothing else bounds their lengths.
            for number in 1...3 {
                let part = try #require(PartNumber(number, of: 3))
                var manifest = try PartManifest(path: part.manifestPath(of: folder + "/out"))
                manifest.place = nil
                manifest.files[0].byteCount = Int.max
                try manifest.write(to: part.manifestPath(of: folder + "/out"))
            }
            #expect(try PartSet(output: folder + "/out").byteCount == Int.max)
            guard case .content = Self.problems(folder).first else {
                Issue.record("parts without a place were joined")
                return
            }
        }
    }

    @Test func missingAndDoubledPartsAreNamed() throws {
        try Fixtures.withTemporaryFolder { folder in
            let paths = try Self.write(folder)
            #expect(
                Self.problems(folder, paths: [paths[0], paths[2], paths[2]]) == [
                    .doubled(try #require(PartNumber(3, of: 3)), other: paths[2]),
                    .missing([2], of: 3),
                ])
            try FileManager.default.removeItem(atPath: paths[1] + PartNumber.manifestEnding)
            #expect(Self.problems(folder) == [.withoutManifest])
            try FileManager.default.removeItem(atPath: paths[1])
            #expect(Self.problems(folder) == [.missing([2], of: 3)])
            #expect(throws: FileError.self) { try PartSet(output: folder + "/none/out") }
        }
    }

    @Test func damageIsFound() throws {
        try Fixtures.withTemporaryFolder { folder in
            let paths = try Self.write(folder)
            try OutputFile.write([4, 5, 6, 8], to: paths[1])
            guard case .damaged = Self.problems(folder).first else {
                Issue.record("a flipped bit passed")
                return
            }
            try OutputFile.write([4, 5], to: paths[1])
            #expect(Self.problems(folder) == [.length(found: 2, expected: 4)])
            try FileManager.default.removeItem(atPath: paths[1])
            #expect(
                Self.problems(folder) == [.withoutFile(try #require(PartNumber(2, of: 3)))])
            #expect(!Fixtures.exists(folder + "/out"))
        }
    }

    @Test(arguments: [
        ("\"plan\": \"aa\"", "\"plan\": \"ab\""), ("\"part\": 2", "\"part\": 3"),
        ("\"seconds\": 1.5", "\"seconds\": 0.5"),
    ])
    func anEditedManifestIsFound(from: String, to: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = try Self.write(folder)[1] + PartNumber.manifestEnding
            let text = String(decoding: try InputFile.contents(path: path), as: UTF8.self)
            try #require(text.contains(from))
            try OutputFile.write(Array(text.replacing(from, with: to).utf8), to: path)
            #expect(Self.problems(folder) == [.edited])
        }
    }

    @Test(arguments: [
        "", "{", "[]", "{}", "{\"ingot-part\": 2}", "{\"ingot-part\": 1}",
        "{\"ingot-part\": 1, \"digest\": \"\"}",
    ])
    func otherJSONIsNoManifest(text: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = try Self.write(folder)[1] + PartNumber.manifestEnding
            try OutputFile.write(Array(text.utf8), to: path)
            #expect(Self.problems(folder).count == 1)
        }
    }

    @Test func partsOfSeveralDivisionsAreNotMixed() throws {
        try Fixtures.withTemporaryFolder { folder in
            _ = try Self.write(folder)
            let other = try #require(PartNumber(1, of: 2))
            try OutputFile.write([1], to: other.path(of: folder + "/out"))
            #expect(Self.problems(folder) == [.severalDivisions([2, 3])])
        }
    }

    @Test func whatIsThereIsTold() throws {
        try Fixtures.withTemporaryFolder { folder in
            let paths = try Self.write(folder)
            let output = folder + "/out"
            var expected = try PartManifest(path: paths[0] + PartNumber.manifestEnding)
            expected.seconds = 9
            guard case .complete = PartManifest.state(output: output, expected: expected) else {
                Issue.record("a complete part is not taken for one")
                return
            }
            expected.plan = "bb"
            guard case .other("plan") = PartManifest.state(output: output, expected: expected)
            else {
                Issue.record("a part of another plan is taken for one of this")
                return
            }
            expected.plan = "aa"
            try OutputFile.write([1, 2, 4], to: paths[0])
            guard case .absent = PartManifest.state(output: output, expected: expected) else {
                Issue.record("a damaged part is taken for a complete one")
                return
            }
        }
    }

    @Test func namesThatLeadElsewhereAreRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = try Self.write(folder)[1]
            var manifest = try PartManifest(path: path + PartNumber.manifestEnding)
            manifest.files[0].name = "../elsewhere"
            try manifest.write(to: path + PartNumber.manifestEnding)
            guard case .notAManifest = Self.problems(folder).first else {
                Issue.record("a name with a folder passed")
                return
            }
        }
    }

    @Test func aSourceIsKnownByItsBytes() throws {
        try Fixtures.withTemporaryFolder { folder in
            var bytes = [UInt8](repeating: 7, count: 3 << 20)
            func digest() throws -> String {
                try OutputFile.write(bytes, to: folder + "/in")
                return try PartSource(InputFile(path: folder + "/in")).digest
            }
            let before = try digest()
            #expect(try digest() == before)
            bytes[5] = 8
            #expect(try digest() != before)
            bytes[5] = 7
            bytes[bytes.count - 1] = 8
            #expect(try digest() != before)
        }
    }
}
