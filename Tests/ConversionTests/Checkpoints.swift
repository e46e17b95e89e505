import Conversion
import Foundation
import TensorCore
import TestSupport

/// Copies of a committed checkpoint that a test may change.
enum Checkpoints {
    /// Calls `body` with a folder called `name` that has the files of a checkpoint; large ones are
    /// links to the originals.
    static func with<Result>(
        copyOf checkpoint: String = "llama", name: String = "model",
        _ body: (String) throws -> Result
    ) throws -> Result {
        try Fixtures.withTemporaryFolder { parent in
            let folder = "\(parent)/\(name)"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let source = "\(Fixtures.conformance)/convert/checkpoints/\(checkpoint)"
            for file in try FileManager.default.contentsOfDirectory(atPath: source) {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(folder)/\(file)", withDestinationPath: "\(source)/\(file)")
            }
            return try body(folder)
        }
    }

    /// Replaces a file of a copy.
    static func replace(_ file: String, in folder: String, _ text: String) throws {
        try? FileManager.default.removeItem(atPath: "\(folder)/\(file)")
        try OutputFile.write(Array(text.utf8), to: "\(folder)/\(file)")
    }

    /// Changes members of a JSON file; `nil` removes one.
    static func edit(
        _ file: String, in folder: String, _ changes: [String: Any?]
    ) throws {
        let path = "\(folder)/\(file)"
        let data = try Data(contentsOf: URL(filePath: path))
        guard var members = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            throw CocoaError(.fileReadCorruptFile)
        }
        for (key, value) in changes { members[key] = value }
        let edited = try JSONSerialization.data(withJSONObject: members)
        try FileManager.default.removeItem(atPath: path)
        try edited.write(to: URL(filePath: path))
    }
}
