import Foundation

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
