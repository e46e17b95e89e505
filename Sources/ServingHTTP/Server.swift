import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
public import Serving
import ServiceLifecycle
import Synchronization
import UnixSignals

/// Serves an API over HTTP/1.1.
public struct HTTPServer: Sendable {
    /// Where and how to listen.
    public struct Settings: Sendable {
        /// The address or name to listen at.
        public var host: String
        /// The port; 0 for any that is free.
        public var port: Int
        /// Seconds after which a connection that sends nothing, or takes nothing in, is closed.
        public var idleSeconds: Int64 = 60
        /// Seconds for running requests when the server is stopped.
        public var graceSeconds: Double = 10
        /// The most connections at a time.
        public var connectionLimit = 1024
        /// Whether SIGTERM and SIGINT stop the server.
        public var obeysSignals = true

        /// The usual limits.
        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    private let api: ServingAPI
    private let settings: Settings

    /// Describes a server.
    public init(_ api: ServingAPI, settings: Settings) {
        self.api = api
        self.settings = settings
    }

    /// Listens until the task is cancelled or a signal comes.
    ///
    /// - Parameters:
    ///   - started: Told the port once the server listens.
    ///   - stopping: Run when the server is to stop, while requests still run.
    /// - Throws: When the address cannot be listened at.
    public func run(
        started: @escaping @Sendable (Int) async -> Void = { _ in },
        stopping: @escaping @Sendable () async -> Void = {}
    ) async throws {
        var logger = Logger(label: "ingot") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let api = api
        let idleSeconds = settings.idleSeconds
        let application = Application(
            responder: CallbackResponder { (request: Request, context: ConnectionContext) in
                await Exchange(api: api, channel: context.channel, idleSeconds: idleSeconds)
                    .respond(to: request)
            },
            server: .http1(
                configuration: HTTP1Channel.Configuration(
                    additionalChannelHandlers: [ProtocolHandler(api), DisconnectHandler()],
                    idleTimeout: .seconds(idleSeconds))),
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port), serverName: "ingot",
                backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    settings.connectionLimit)),
            onServerRunning: { channel in
                await started(channel.localAddress?.port ?? 0)
            }, logger: logger)
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(service: application),
                .init(service: Drain(action: stopping)),
            ], gracefulShutdownSignals: settings.obeysSignals ? [.sigterm, .sigint] : [],
            logger: logger)
        // What the drain leaves is cut off.
        configuration.maximumGracefulShutdownDuration = .seconds(settings.graceSeconds + 2)
        try await ServiceGroup(configuration: configuration).run()
    }
}

/// Runs an action when the server is to stop, and keeps the server until it is done.
private struct Drain: Service {
    let action: @Sendable () async -> Void

    func run() async throws {
        try? await gracefulShutdown()
        await action()
    }
}

/// What a request knows of its connection.
struct ConnectionContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// Tells when a client has closed its end of the connection.
///
/// `@unchecked Sendable`: what changes is behind a lock.
final class DisconnectHandler: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = Any

    private struct State {
        var isClosed = false
        var nextNumber = 0
        var actions: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// Has an action run when the client goes away, at once if it is gone.
    ///
    /// - Returns: What `forget` takes.
    func onClose(_ action: @escaping @Sendable () -> Void) -> Int {
        let (number, isClosed) = state.withLock { state in
            state.nextNumber += 1
            if !state.isClosed { state.actions[state.nextNumber] = action }
            return (state.nextNumber, state.isClosed)
        }
        if isClosed { action() }
        return number
    }

    func forget(_ number: Int) { state.withLock { $0.actions[number] = nil } }

    private func close() {
        let actions = state.withLock { state in
            defer { state.actions = [:] }
            state.isClosed = true
            return state.actions.values
        }
        for action in actions { action() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { close() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        close()
        context.fireChannelInactive()
    }
}
