import Foundation
import Fuzzing
import TestSupport
import Testing

/// The seeds of every fuzz target, which are read on every run: inputs that once did harm stay among them.
@Suite struct SeedTests {
    @Test(arguments: FuzzTarget.all.map(\.name))
    func seedsAreReadOrRefused(_ name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let folder = Fixtures.path("fuzz/\(name)")
        let seeds = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(!seeds.isEmpty)
        let scratch = try FuzzScratch()
        for seed in seeds.sorted() {
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: folder + "/" + seed)))
            #expect(throws: Never.self, "\(name)/\(seed)") {
                try target.run(bytes, scratch: scratch)
            }
        }
    }
}
