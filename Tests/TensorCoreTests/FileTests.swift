import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct FileTests {
    @Test func ofSeveralFilesAllOrNoneStay() throws {
        try Fixtures.withTemporaryFolder { folder in
            let made = folder + "/a/b"
            let first = OutputFile.Content(path: made + "/first", bytes: [1])
            let inTheWay = folder + "/folder"
            try Directory.create(inTheWay)
            // The second cannot be begun, or cannot get its name.
            for second in [inTheWay, inTheWay + "/nowhere/second"] {
                #expect(throws: FileError.self) {
                    try OutputFile.write([first, .init(path: second, bytes: [2])], making: made)
                }
                #expect(try Directory.names(in: folder) == [".", "..", "folder"])
            }
            let late = made + "/late"
            #expect(throws: FileError.self) {
                try OutputFile.write(
                    [first, .init(path: late, bytes: [2]), .init(path: late + "/x", bytes: [3])],
                    making: made)
            }
            #expect(try Directory.names(in: folder) == [".", "..", "folder"])
            try OutputFile.write([first, .init(path: late, bytes: [2])], making: made)
            #expect(try Directory.names(in: made) == [".", "..", "first", "late"])
            #expect(try InputFile.contents(path: late) == [2])
        }
    }

    @Test func outputAppearsOnlyWhenCommitted() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/model.gguf"
            do {
                let file = try OutputFile(path: path, byteCount: 8)
                try file.write([1, 2, 3, 4], at: 4)
                #expect(!Fixtures.exists(path))
                #expect(Fixtures.exists(file.temporaryPath))
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])

            let file = try OutputFile(path: path, byteCount: 8)
            try file.write([1, 2, 3, 4], at: 4)
            try file.commit(byteCount: 8)
            #expect(try InputFile.contents(path: path) == [0, 0, 0, 0, 1, 2, 3, 4])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["model.gguf"])
        }
    }

    @Test func outputOverADirectoryIsRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let error = #expect(throws: FileError.self) { _ = try OutputFile(path: folder) }
            #expect(error?.kind == .isDirectory)
            #expect(error?.exitCode == .inputOutput)
        }
    }

    @Test func outputInAMissingFolderIsRefused() throws {
        let error = #expect(throws: FileError.self) {
            _ = try OutputFile(path: "/no/such/folder/model.gguf")
        }
        #expect(error?.kind == .notFound)
    }

    @Test func aDiskThatIsTooSmallIsFoundBeforeTheWork() throws {
        try Fixtures.withTemporaryFolder { folder in
            let error = #expect(throws: FileError.self) {
                _ = try OutputFile(path: folder + "/model.gguf", byteCount: 1 << 52)
            }
            #expect(error?.exitCode == .inputOutput)
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(left.isEmpty)
        }
    }

    @Test func readsWithinBoundsOnly() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/bytes"
            try OutputFile.write([10, 11, 12], to: path)
            let file = try InputFile(path: path)
            #expect(try file.read(at: 1, count: 2) == [11, 12])
            #expect(try file.read(at: 3, count: 0) == [])
            for (offset, count) in [(2, 2), (4, 0), (-1, 1), (0, Int.max), (Int.max, 1), (0, -1)] {
                #expect(throws: FileError.self) { try file.read(at: offset, count: count) }
            }
        }
    }

    @Test func aFileThatIsWrittenToWhileItIsReadIsTold() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/bytes"
            try OutputFile.write([1, 2, 3, 4], to: path)
            let file = try InputFile(path: path)
            try file.requireUnchanged()

            // Another in its place leaves it as it is for those who have it open.
            try OutputFile.write([5], to: path)
            try file.requireUnchanged()
            #expect(try file.read(at: 0, count: 4) == [1, 2, 3, 4])

            let other = try InputFile(path: path)
            let handle = try #require(FileHandle(forWritingAtPath: path))
            try handle.truncate(atOffset: 3)
            #expect(throws: FileError(.changed, path: path)) { try other.requireUnchanged() }
            try handle.truncate(atOffset: 0)
            #expect(throws: FileError(.shrank, path: path)) { try other.requireUnchanged() }
            #expect(throws: FileError(.shrank, path: path)) {
                _ = try other.read(at: 0, count: 1)
            }
        }
    }

    @Test func whatAnotherRunIsWritingIsLeftToIt() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/model.gguf"
            let first = try OutputFile(continuing: path, suffix: "partial", keepsUnfinished: false)
            #expect(first != nil)
            let second = try OutputFile(continuing: path, suffix: "partial", keepsUnfinished: false)
            #expect(second == nil)
            try withExtendedLifetime(first) {
                let names = try FileManager.default.contentsOfDirectory(atPath: folder)
                #expect(names == [".model.gguf.partial"])
            }
        }
    }

    @Test func missingFilesAndDirectoriesHaveTheirOwnErrors() {
        #expect(throws: FileError(.notFound, path: "/no/such/file")) {
            _ = try InputFile(path: "/no/such/file")
        }
        #expect(throws: FileError(.isDirectory, path: "/tmp")) { _ = try InputFile(path: "/tmp") }
        #expect(throws: FileError(.notSeekable(found: "a device"), path: "/dev/null")) {
            _ = try InputFile(path: "/dev/null")
        }
    }
}
