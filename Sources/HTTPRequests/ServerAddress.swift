/// Where a server is: what stands before every path.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// The address without a path of the API, `http://host:port`.
    public let root: String
    /// What stands before `/models` and `/chat/completions`: the root and `/v1`.
    public let api: String

    /// The root.
    public var description: String { root }

    /// Reads an address as people write it: with or without `/v1`, or with a whole endpoint.
    ///
    /// - Throws: `HTTPError` for other schemes, names and passwords in it, queries.
    public init(_ text: String) throws(HTTPError) {
        func failure(_ detail: String) -> HTTPError {
            HTTPError(.address(detail: detail), url: text)
        }
        guard let scheme = ["http://", "https://"].first(where: text.lowercased().hasPrefix) else {
            throw failure("it begins with neither http:// nor https://")
        }
        let rest = text.dropFirst(scheme.count)
        let isPlain = rest.unicodeScalars.allSatisfy {
            $0.isASCII && $0.value > 0x20 && $0.value != 0x7F
        }
        guard isPlain else { throw failure("it holds spaces or characters beyond ASCII") }
        guard !rest.contains("?"), !rest.contains("#") else { throw failure("it holds a query") }
        let authority = rest.prefix { $0 != "/" }
        guard !authority.contains("@") else {
            // The address is shown in reports.
            throw HTTPError(
                .address(detail: "a name and password stand in it; use --api-key"), url: scheme)
        }
        guard !authority.isEmpty, !authority.hasPrefix(":") else { throw failure("no host") }
        var path = rest.dropFirst(authority.count)
        func removeSuffix(_ suffix: String) {
            if path.hasSuffix(suffix) { path = path.dropLast(suffix.count) }
        }
        while path.hasSuffix("/") { path = path.dropLast() }
        for endpoint in ["/chat/completions", "/completions", "/models", "/metrics"] {
            removeSuffix(endpoint)
        }
        removeSuffix("/v1")
        root = scheme + authority + path
        api = root + "/v1"
    }

    /// Whether the server is on this machine.
    public var isLoopback: Bool {
        let authority = root.drop { $0 != ":" }.dropFirst(3).prefix { $0 != "/" }
        let host =
            authority.hasPrefix("[")
            ? authority.prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        return ["localhost", "[::1"].contains(host.lowercased()) || host.hasPrefix("127.")
    }

    /// Whether the text begins as an address does.
    public static func isAddress(_ text: String) -> Bool {
        let text = text.lowercased()
        return text.hasPrefix("http://") || text.hasPrefix("https://")
    }
}
