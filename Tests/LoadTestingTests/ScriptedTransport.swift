import HTTPRequests
import LoadTesting
import Synchronization

/// Answers from a script, in a time that only the script moves.
final class ScriptedTransport: HTTPTransport {
    /// A part of an answer, and the time at which it comes.
    struct Step {
        var time: Double
        var part: HTTPAnswerPart
    }

    private let time = Mutex(0.0)
    private let script: @Sendable (_ number: Int, _ now: Double) -> [Step]
    private let number = Mutex(0)
    private let sent = Mutex<[HTTPRequest]>([])

    /// - Parameter script: The answer to each request, which begins at a time.
    init(_ script: @escaping @Sendable (_ number: Int, _ now: Double) -> [Step]) {
        self.script = script
    }

    /// What was sent.
    var requests: [HTTPRequest] { sent.withLock { $0 } }

    var clock: LoadClock {
        LoadClock(now: { self.time.withLock { $0 } }) { until in
            try Task.checkCancellation()
            self.time.withLock { $0 = max($0, until) }
        }
    }

    func send(
        _ request: HTTPRequest, timeout: Double, _ receive: (HTTPAnswerPart) throws -> Bool
    ) async throws {
        sent.withLock { $0.append(request) }
        let index = number.withLock { number in
            defer { number += 1 }
            return number
        }
        for step in script(index, time.withLock { $0 }) {
            time.withLock { $0 = max($0, step.time) }
            guard try receive(step.part) else { return }
        }
    }

    /// An answer whose events come at times after the request.
    static func stream(_ start: Double, _ events: [(delay: Double, data: String)]) -> [Step] {
        let head = HTTPAnswerHead(status: 200, contentType: "text/event-stream; charset=utf-8")
        return [Step(time: start, part: .head(head))]
            + events.map {
                Step(time: start + $0.delay, part: .bytes(Array("data: \($0.data)\n\n".utf8)))
            }
    }

    /// A chat's answer: text at each of the delays, the reason to end with the last, then usage.
    static func chat(
        _ start: Double, textAt delays: [Double], tokens: Int? = nil, prompt: Int = 10,
        usageAfter: Double = 0
    ) -> [Step] {
        let last = delays.last ?? 0
        let count = tokens ?? delays.count
        return stream(
            start,
            [
                (
                    0.01,
                    #"{"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}"#
                )
            ]
                + delays.map {
                    ($0, #"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#)
                } + [
                    (last, #"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#),
                    (
                        last + usageAfter,
                        """
                        {"choices":[],"usage":{"prompt_tokens":\(prompt),"completion_tokens":\(count),\
                        "total_tokens":\(prompt + count)}}
                        """
                    ),
                    (last + usageAfter, "[DONE]"),
                ])
    }
}

/// The same prompt for all requests.
struct OnePrompt: PromptSource {
    var tokenCount: Int? = 10
    func prompt(at index: Int) -> LoadPrompt { LoadPrompt(.text("number \(index)")) }
}

extension LoadTarget {
    /// A chat with a server that is not there.
    static func scripted(outputTokens: Int = 4, endpoint: LoadEndpoint = .chat) throws -> LoadTarget
    {
        LoadTarget(
            address: try ServerAddress("http://server.test"), endpoint: endpoint, model: "m",
            outputTokens: outputTokens)
    }
}
