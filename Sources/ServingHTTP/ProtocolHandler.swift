import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Serving

/// Answers what is no request with words, and tells clients that ask to go on with a long body.
///
/// `@unchecked Sendable`: it is used on its channel's event loop alone.
final class ProtocolHandler: ChannelDuplexHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let api: ServingAPI
    /// Requests that have begun and are not answered yet.
    private var openCount = 0

    init(_ api: ServingAPI) { self.api = api }

    func handlerAdded(context: ChannelHandlerContext) {
        // Behind the codec no part has a version any more.
        let pipeline = context.pipeline.syncOperations
        if let codec = try? pipeline.handler(type: HTTP1ToHTTPServerCodec.self) {
            try? pipeline.addHandler(OldVersionHandler(), position: .before(codec))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = Self.unwrapInboundIn(data) {
            openCount += 1
            // A body that is too long is not asked for: its answer comes at once.
            let length = head.headerFields[.contentLength].flatMap { Int($0) } ?? 0
            if openCount == 1, length <= ServingAPI.bodyLimit,
                head.headerFields[.expect]?.lowercased() == "100-continue"
            {
                context.writeAndFlush(
                    Self.wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = Self.unwrapOutboundIn(data) { openCount -= 1 }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // In the midst of a request, the error is that of its body.
        guard let error = error as? HTTPParserError, openCount == 0 else {
            context.fireErrorCaught(error)
            return
        }
        let answer = ServingAPI.noRequest(isTooLong: error == .headerOverflow)
        api.count(answer, path: "")
        var head = HTTPResponse(status: .init(code: answer.status))
        head.headerFields[.connection] = "close"
        for (name, value) in answer.headers {
            if let name = HTTPField.Name(name) { head.headerFields[name] = value }
        }
        if case .bytes(let bytes) = answer.body {
            head.headerFields[.contentLength] = "\(bytes.count)"
            context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
            context.write(Self.wrapOutboundOut(.body(ByteBuffer(bytes: bytes))), promise: nil)
            context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.close(promise: nil)
    }
}
