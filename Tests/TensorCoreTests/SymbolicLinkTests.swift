import Foundation
import TensorCore
import TestSupport
import Testing

/// Outputs whose names are symbolic links.
@Suite struct SymbolicLinkTests {
    private func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }

    private func target(_ path: String) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: path)
    }

    /// One that is there, one that is not, and a link to a link.
    @Test func filesGoWhereLinksPoint() throws {
        try Fixtures.withTemporaryFolder { folder in
            let other = folder + "/other"
            try FileManager.default.createDirectory(
                atPath: other, withIntermediateDirectories: true)
            try OutputFile.write([0], to: other + "/old")
            try link(folder + "/a", to: "other/old")
            try link(folder + "/b", to: other + "/new")
            try link(folder + "/c", to: "b")
            for (name, byte) in [("a", 1), ("b", 2), ("c", 3)] as [(String, UInt8)] {
                let file = try OutputFile(path: "\(folder)/\(name)")
                // Beside the file that it becomes, not beside the link: that may be another disk.
                #expect(file.temporaryPath.hasPrefix(other + "/."))
                try file.write([byte], at: 0)
                try file.commit()
            }
            #expect(try target(folder + "/a") == "other/old")
            #expect(try target(folder + "/c") == "b")
            #expect(try InputFile.contents(path: other + "/old", limit: 9) == [1])
            #expect(try InputFile.contents(path: other + "/new", limit: 9) == [3])
            #expect(try FileManager.default.contentsOfDirectory(atPath: other).count == 2)
        }
    }

    @Test func removingAFileLeavesTheLink() throws {
        try Fixtures.withTemporaryFolder { folder in
            try link(folder + "/a", to: "b")
            let file = try OutputFile(path: folder + "/a")
            try file.commit()
            file.removeCommitted()
            #expect(try target(folder + "/a") == "b")
            #expect(!Fixtures.exists(folder + "/b"))
        }
    }

    @Test func linksThatLeadNowhereAreRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            try link(folder + "/a", to: "b")
            try link(folder + "/b", to: "a")
            try link(folder + "/c", to: "missing/file")
            try link(folder + "/d", to: ".")
            for name in ["a", "c", "d"] {
                #expect(throws: FileError.self) { try OutputFile(path: "\(folder)/\(name)") }
            }
        }
    }

    /// A name that is no text would be another name when it comes back to the system.
    @Test func linksToNamesThatAreNoTextAreRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let target: [CChar] = [0x61, -1, 0x62, 0]
            #expect(symlink(target, folder + "/a") == 0)
            let error = #expect(throws: FileError.self) { try OutputFile(path: folder + "/a") }
            #expect(error?.exitCode == .inputOutput)
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names == ["a"])
        }
    }

    @Test func directoriesGoWhereLinksPoint() throws {
        try Fixtures.withTemporaryFolder { folder in
            try FileManager.default.createDirectory(
                atPath: folder + "/empty", withIntermediateDirectories: true)
            for (name, place) in [("a", "empty"), ("b", "new")] {
                try link("\(folder)/\(name)", to: place)
                let directory = try OutputDirectory(path: "\(folder)/\(name)/")
                try OutputFile.write([1], to: directory.file("f"))
                try directory.commit()
                #expect(try target("\(folder)/\(name)") == place)
                #expect(Fixtures.exists("\(folder)/\(place)/f"))
            }
        }
    }
}
