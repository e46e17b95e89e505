import ArgumentParser
import Foundation

/// The key that a server asks for.
struct ServerKeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What goes into Authorization: Bearer KEY. (default: INGOT_API_KEY or OPENAI_API_KEY of"
                + " the environment)", valueName: "key"))
    var apiKey: String?

    /// The key, which is never shown.
    var key: String? {
        let environment = ProcessInfo.processInfo.environment
        let found = apiKey ?? environment["INGOT_API_KEY"] ?? environment["OPENAI_API_KEY"]
        return found.flatMap { $0.isEmpty ? nil : $0 }
    }

    mutating func validate() throws {
        guard (key ?? "").utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ValidationError(
                "the server's key holds characters that a header cannot have: spaces, line breaks"
                    + " or letters beyond ASCII")
        }
    }
}
