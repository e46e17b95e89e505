import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Serving
import Synchronization

/// One request and its answer.
struct Exchange: Sendable {
    let api: ServingAPI
    let channel: any Channel
    let idleSeconds: Int64

    private enum BodyError: Error {
        case tooLong
        case tooSlow
    }

    func respond(to request: Request) async -> Response {
        let path = String(request.uri.path)
        // The first Host is the authority, and another one a field still.
        guard request.head.authority != nil,
            !request.headers.contains(where: { $0.name.canonicalName == "host" })
        else {
            return closing(ServingAPI.noHost(path: path), path)
        }
        if let expected = request.headers[.expect], expected.lowercased() != "100-continue" {
            return closing(ServingAPI.noExpectation(path: path), path)
        }
        let body: [UInt8]
        do {
            body = try await self.body(of: request)
        } catch BodyError.tooLong {
            return closing(ServingAPI.bodyTooLong(path: path), path)
        } catch BodyError.tooSlow {
            return closing(ServingAPI.bodyTooSlow(path: path), path)
        } catch {
            return closing(ServingAPI.bodyBroken(path: path), path)
        }
        var headers: [String: String] = [:]
        for field in request.headers { headers[field.name.canonicalName] = field.value }
        if let authority = request.head.authority { headers["host"] = authority }
        let serving = ServingRequest(
            method: request.method.rawValue, path: path, headers: headers, body: body)
        let api = api
        let task = Task { await api.respond(to: serving) }
        // A client that goes away takes its request with it.
        let handler = try? await channel.pipeline.handler(type: DisconnectHandler.self).get()
        let number = handler?.onClose { task.cancel() }
        let answer = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        if let number { handler?.forget(number) }
        return response(to: answer, handler, isHead: request.method == .head)
    }

    /// The whole body, within the limits of length and time.
    private func body(of request: Request) async throws -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }),
            length > ServingAPI.bodyLimit
        {
            throw BodyError.tooLong
        }
        let reading = Task {
            var bytes: [UInt8] = []
            for try await buffer in request.body {
                guard bytes.count + buffer.readableBytes <= ServingAPI.bodyLimit else {
                    throw BodyError.tooLong
                }
                bytes += buffer.readableBytesView
            }
            return bytes
        }
        // The event loop forgets a timer that is cancelled; a task that sleeps would stay.
        // It ends a little before the connection counts as idle, which would close it without a word.
        let isLate = Mutex(false)
        let timer = channel.eventLoop.scheduleTask(in: .milliseconds(idleSeconds * 1000 - 500)) {
            isLate.withLock { $0 = true }
            reading.cancel()
        }
        defer { timer.cancel() }
        let result = await withTaskCancellationHandler {
            await reading.result
        } onCancel: {
            reading.cancel()
        }
        guard !isLate.withLock({ $0 }) else { throw BodyError.tooSlow }
        return try result.get()
    }

    private func head(_ answer: ServingResponse) -> Response {
        var response = Response(status: .init(code: answer.status))
        for (name, value) in answer.headers {
            if let name = HTTPField.Name(name) { response.headers[name] = value }
        }
        return response
    }

    /// An answer after which the connection is of no use: the request's rest is not read.
    private func closing(_ answer: ServingResponse, _ path: String) -> Response {
        api.count(answer, path: path)
        var response = response(to: answer, nil, isHead: false)
        response.headers[.connection] = "close"
        let channel = channel
        channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        return response
    }

    private func response(
        to answer: ServingResponse, _ handler: DisconnectHandler?, isHead: Bool
    ) -> Response {
        var response = head(answer)
        switch answer.body {
        case .bytes(let bytes):
            if isHead {
                response.headers[.contentLength] = "\(bytes.count)"
            } else {
                response.body = ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
                response.headers[.contentLength] = "\(bytes.count)"
            }
        case .stream(let parts, let cancel):
            response.headers[.cacheControl] = "no-cache"
            let (channel, idleSeconds) = (channel, idleSeconds)
            response.body = ResponseBody { writer in
                let number = handler?.onClose(cancel)
                let watch = WriteWatch(channel: channel, seconds: idleSeconds)
                defer {
                    if let number { handler?.forget(number) }
                    watch.end()
                    // However it ends, nothing goes on for nobody.
                    cancel()
                }
                for await part in parts {
                    watch.begin()
                    try await writer.write(ByteBuffer(bytes: part))
                    watch.pause()
                }
                try await writer.finish(nil)
            }
        }
        return response
    }
}

/// Closes a connection whose client takes nothing in.
private final class WriteWatch: Sendable {
    /// When the write began that is not done.
    private final class Start: Sendable {
        let time = Mutex<ContinuousClock.Instant?>(nil)
    }

    private let task: Task<Void, Never>
    private let start: Start

    init(channel: any Channel, seconds: Int64) {
        let start = Start()
        self.start = start
        task = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(max(1, seconds / 4)))
                let began = start.time.withLock { $0 }
                if let began, ContinuousClock.now - began > .seconds(seconds) {
                    channel.close(promise: nil)
                    return
                }
            }
        }
    }

    /// A write has begun.
    func begin() { start.time.withLock { $0 = .now } }
    /// It is done.
    func pause() { start.time.withLock { $0 = nil } }
    /// There are no more writes.
    func end() { task.cancel() }
}
