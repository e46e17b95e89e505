import TensorCore

extension ServingAPI {
    private static let loopbackNames: Set<String> = ["localhost", "127.0.0.1", "[::1]", "::1"]

    /// The name in `name`, `name:port`, `[::1]:port`.
    private static func host(_ authority: Substring) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            return String(authority[...end]).lowercased()
        }
        return authority.prefix { $0 != ":" }.lowercased()
    }

    private static func isLoopback(_ host: String) -> Bool {
        loopbackNames.contains(host) || host.hasSuffix(".localhost")
            || host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." }
    }

    /// Web pages can have a name of their own lead to this machine; the header tells it.
    func checkHost(_ request: ServingRequest) throws(APIError) {
        guard policy.isLoopback, let host = request.headers["host"] else { return }
        guard ServingAPI.isLoopback(ServingAPI.host(host[...])) else {
            throw APIError(
                403, "Host: \(host) found, expected a name of this machine such as localhost",
                code: "forbidden_host")
        }
    }

    /// Web pages of this machine, and those that the server itself might have, may ask.
    private func isAllowed(origin: String, _ request: ServingRequest) -> Bool {
        guard let start = origin.range(of: "://") else { return false }
        let authority = origin[start.upperBound...]
        return ServingAPI.isLoopback(ServingAPI.host(authority))
            || request.headers["host"] == String(authority)
    }

    func checkOrigin(_ request: ServingRequest) throws(APIError) {
        guard let origin = request.headers["origin"], !isAllowed(origin: origin, request) else {
            return
        }
        throw APIError(
            403, "Origin: \(origin) found, expected a page of this machine",
            code: "forbidden_origin")
    }

    /// Lets the page that asked read the answer.
    func addOrigin(of request: ServingRequest, to response: inout ServingResponse) {
        guard let origin = request.headers["origin"], isAllowed(origin: origin, request) else {
            return
        }
        response.headers += [("access-control-allow-origin", origin), ("vary", "Origin")]
    }

    /// What a browser asks before it lets a page ask.
    func preflight(_ request: ServingRequest) -> ServingResponse {
        // OpenAI's client for browsers sends headers of its own.
        let asked = request.headers["access-control-request-headers"] ?? ""
        let isPlain = asked.utf8.allSatisfy { (32...126).contains($0) } && asked.utf8.count <= 4096
        var response = ServingResponse(status: 204, type: "text/plain", body: .bytes([]))
        response.headers = [
            ("access-control-allow-methods", "GET, POST, HEAD, OPTIONS"),
            (
                "access-control-allow-headers",
                isPlain && !asked.isEmpty ? asked : "authorization, content-type"
            ),
            ("access-control-max-age", "600"),
        ]
        return response
    }

    func checkKey(_ request: ServingRequest) throws(APIError) {
        guard !policy.keys.isEmpty else { return }
        let header = request.headers["authorization"] ?? ""
        let given = header.lowercased().hasPrefix("bearer ") ? String(header.dropFirst(7)) : ""
        // Every key is compared whole: the time tells nothing.
        var isKnown = false
        for key in policy.keys where ServingAPI.areEqual(key, given) { isKnown = true }
        guard isKnown else {
            throw APIError(
                401, "the key is missing or wrong, expected Authorization: Bearer KEY",
                code: "invalid_api_key")
        }
    }

    private static func areEqual(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        var difference: UInt8 = left.count == right.count ? 0 : 1
        for index in left.indices {
            difference |= left[index] ^ (right.isEmpty ? 1 : right[index % right.count])
        }
        return difference == 0
    }
}

extension String {
    /// The range of the first occurrence of `text`.
    fileprivate func range(of text: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) {
                return start..<index(start, offsetBy: text.count)
            }
            start = index(after: start)
        }
        return nil
    }
}
