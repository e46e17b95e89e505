import ArgumentParser
import Evaluation
import Serving
import ServingHTTP
import TensorCore

/// Who may ask a server, where, and under which names.
struct ServerAccessOptions: ParsableArguments {
    @Option(help: "The address to listen at; 0.0.0.0 for all of this machine's.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 for any that is free.")
    var port = 8080

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A name of the model for clients, in place of the file's; several with commas.",
            valueName: "name"))
    var alias: String?

    @Option(
        help: ArgumentHelp(
            "What clients have to send as Authorization: Bearer KEY; several with commas.",
            valueName: "key"))
    var apiKey: String?

    @Option(
        help: ArgumentHelp("A file with such keys, one a line.", valueName: "file"))
    var apiKeyFile: String?

    @Option(
        help: ArgumentHelp(
            "How long running requests may go on when the server is stopped.",
            valueName: "seconds"))
    var grace: Double = 10

    mutating func validate() throws {
        guard (0...65535).contains(port) else {
            throw ValidationError("--port is \(port), expected 0 to 65535")
        }
        guard (0...86400).contains(grace) else {
            throw ValidationError("--grace is \(grace), expected 0 to 86400")
        }
    }

    private static func parts(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").map(String.init)
    }

    var aliases: [String] { Self.parts(alias) }

    private var isLoopback: Bool {
        ["localhost", "::1"].contains(host) || host.hasPrefix("127.")
    }

    /// What to say before the server listens.
    var warnings: [String] {
        isLoopback || apiKey != nil || apiKeyFile != nil
            ? [] : ["whoever reaches \(host) can use this server. Give --api-key"]
    }

    /// The address for people.
    func address(port: Int?) -> String {
        let name = host.contains(":") ? "[\(host)]" : host
        return "\(name):\(port ?? self.port)"
    }

    /// How clients are treated.
    func policy() throws -> ServingAPI.Policy {
        var policy = ServingAPI.Policy()
        policy.keys = Self.parts(apiKey)
        if let apiKeyFile {
            let text = String(
                decoding: try InputFile.contents(path: apiKeyFile, limit: 1 << 20), as: UTF8.self)
            let keys = text.split(whereSeparator: \.isNewline).map {
                String($0).trimmingSpaces
            }.filter { !$0.isEmpty }
            guard !keys.isEmpty else {
                throw ValidationError("--api-key-file \(apiKeyFile) holds no key")
            }
            policy.keys += keys
        }
        policy.isLoopback = isLoopback
        policy.version = Ingot.version
        return policy
    }

    var settings: HTTPServer.Settings {
        var settings = HTTPServer.Settings(host: host, port: port)
        settings.graceSeconds = grace
        return settings
    }
}

extension String {
    /// The text without spaces at its ends.
    fileprivate var trimmingSpaces: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
