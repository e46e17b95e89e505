import NIOCore
import NIOHTTP1

/// Answers clients of HTTP/1.0 as they expect: without chunks, and with the connection's end as the
/// answer's end.
///
/// It stands where heads still have their version. `@unchecked Sendable`: it is used on its channel's
/// event loop alone.
final class OldVersionHandler: ChannelDuplexHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Whether the request that is being answered is of an old version.
    private var isOld = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = Self.unwrapInboundIn(data) {
            isOld = isOld || (head.version.major, head.version.minor) < (1, 1)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard isOld else { return context.write(data, promise: promise) }
        switch Self.unwrapOutboundIn(data) {
        case .head(var head):
            // An encoder puts no answer of this version into chunks.
            head.version = .http1_0
            head.headers.replaceOrAdd(name: "connection", value: "close")
            context.write(Self.wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            let channel = context.channel
            let ended = promise ?? context.eventLoop.makePromise()
            ended.futureResult.whenComplete { _ in channel.close(promise: nil) }
            context.writeAndFlush(data, promise: ended)
        }
    }
}
