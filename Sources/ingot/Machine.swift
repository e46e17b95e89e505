import Foundation

/// Paths for people.
enum Paths {
    /// The last component of a path; other text as it is.
    static func name(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// Whether the path is that of a folder.
    static func isFolder(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
            && isDirectory.boolValue
    }
}

/// The machine, for provenance.
enum Machine {
    /// Processor, system and number of processors.
    static var description: String {
        let system = ProcessInfo.processInfo.operatingSystemVersionString
        let count = ProcessInfo.processInfo.activeProcessorCount
        return "\(processor), \(count) processors, \(system)"
    }

    private static var processor: String {
        #if os(Linux)
            let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
            for line in text.split(separator: "\n") where line.hasPrefix("model name") {
                if let name = line.split(separator: ":").last {
                    return name.trimmingCharacters(in: .whitespaces)
                }
            }
        #endif
        #if arch(arm64)
            return "arm64"
        #else
            return "x86-64"
        #endif
    }
}
