import ArgumentParser
import TensorCore

/// What texts are called, by the paths that users give.
enum TextNames {
    /// The name that results carry.
    static func short(_ path: String) -> String {
        if SequentialInput.isStandardInput(path) { return SequentialInput.standardInputName }
        let isDescriptor = path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/")
        return isDescriptor ? "pipe" : Paths.name(path)
    }

    /// The name that messages carry.
    static func long(_ path: String) -> String {
        path == "-" ? SequentialInput.standardInputName : path
    }

    /// Throws when standard input is named twice.
    static func check(_ paths: [String]) throws {
        guard paths.count(where: SequentialInput.isStandardInput) <= 1 else {
            throw ValidationError(
                "standard input gives its bytes only once; expected one -f - at most")
        }
    }
}
