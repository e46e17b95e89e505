import Foundation
import TensorCore
import TestSupport
import Testing

@Suite("Temporary folder")
struct TemporaryFolderTests {
    @Test("goes away with its files")
    func removal() throws {
        try Fixtures.withTemporaryFolder { parent in
            let folder = try TemporaryFolder(in: parent)
            let other = try TemporaryFolder(in: parent + "/")
            #expect(folder.path != other.path)
            try OutputFile.write([1, 2, 3], to: folder.path + "/a")
            try OutputFile.write([1, 2, 3], to: folder.path + "/.b")
            folder.remove()
            #expect(!FileManager.default.fileExists(atPath: folder.path))
            #expect(FileManager.default.fileExists(atPath: other.path))
            var third: TemporaryFolder? = try TemporaryFolder(in: parent)
            let path = try #require(third).path
            third = nil
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test("names the parent that is not there")
    func missing() {
        let error = #expect(throws: FileError.self) {
            try TemporaryFolder(in: "/no/such/folder")
        }
        #expect(error?.description.contains("/no/such/folder") == true)
    }
}
