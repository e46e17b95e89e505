import TensorCore

/// A request as it came over HTTP, with its whole body.
public struct ServingRequest: Sendable {
    /// The method in capitals.
    public var method: String
    /// The path without a query.
    public var path: String
    /// The values of headers by their names in lower case.
    public var headers: [String: String]
    /// The body.
    public var body: [UInt8]

    /// Describes a request.
    public init(method: String, path: String, headers: [String: String] = [:], body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
    }
}

/// What is answered.
public struct ServingResponse: Sendable {
    /// The body of an answer.
    public enum Body: Sendable {
        /// All at once.
        case bytes([UInt8])
        /// Part by part; `cancel` is called when nobody reads on.
        case stream(AsyncStream<[UInt8]>, cancel: @Sendable () -> Void)
    }

    /// The status code.
    public var status: Int
    /// The headers.
    public var headers: [(name: String, value: String)]
    /// The body.
    public var body: Body

    init(status: Int = 200, type: String, body: Body) {
        self.status = status
        headers = [("content-type", type)]
        self.body = body
    }
}

/// A request that is not answered as it was meant.
public struct APIError: Error, Sendable {
    /// The status code.
    public var status: Int
    /// A sentence for people.
    public var message: String
    /// The field that is to blame.
    public var field: String?
    /// What programs tell it by.
    public var code: String?
    /// Seconds after which it is worth trying again.
    public var retryAfter: Int?

    init(
        _ status: Int, _ message: String, field: String? = nil, code: String? = nil,
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.message = message
        self.field = field
        self.code = code
        self.retryAfter = retryAfter
    }

    /// A field that is wrong.
    static func field(_ name: String, _ problem: String, code: String? = nil) -> APIError {
        APIError(400, "\(name): \(problem)", field: name, code: code ?? "invalid_value")
    }

    /// An answer that could not be gone on with; the fault of the request where a field is to blame.
    static func failure(_ sentence: String, field: String?) -> APIError {
        guard let field else { return APIError(500, sentence, code: "generation_failed") }
        return .field(field, sentence, code: "invalid_grammar")
    }

    /// An answer that was ended by the server.
    static let brokenOff = APIError(503, "the answer was broken off", code: "cancelled")

    /// The error as OpenAI's endpoints tell it.
    var json: JSON {
        [
            "error": [
                "message": .text(message), "type": .text(type),
                "param": field.map(JSON.text) ?? .null, "code": code.map(JSON.text) ?? .null,
            ]
        ]
    }

    /// What kind of error it is, in OpenAI's words.
    var type: String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 501: "not_supported_error"
        case 503: "unavailable_error"
        case 500...: "server_error"
        default: "invalid_request_error"
        }
    }
}
