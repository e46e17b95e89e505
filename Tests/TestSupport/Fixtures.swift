public import Foundation

/// Where test data is.
public enum Fixtures {
    /// The project's root folder.
    public static let projectRoot = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The committed test data.
    public static let root = projectRoot.appending(path: "fixtures")

    /// The path of a committed fixture.
    public static func path(_ relative: String) -> String { root.appending(path: relative).path }

    /// The conformance data that is committed: a part of the whole, in the same layout
    /// (`convert/checkpoints`, `convert/expected`, `quantize`).
    public static let conformance = root.appending(path: "conformance").path

    /// The whole conformance data, when `INGOT_CONFORMANCE` names its folder.
    public static let fullConformance: String? = {
        guard let path = ProcessInfo.processInfo.environment["INGOT_CONFORMANCE"], !path.isEmpty
        else { return nil }
        return path
    }()

    /// Where conformance tests look: the whole data when it is there, the committed part otherwise.
    public static var anyConformance: String { fullConformance ?? conformance }

    /// Whether a file or folder exists.
    public static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: path)
    }

    /// A new empty folder that `body` may fill; removed afterwards.
    public static func withTemporaryFolder<Result>(
        _ body: (String) throws -> Result
    ) throws -> Result {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "ingot-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder.path)
    }
}
