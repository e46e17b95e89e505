public import Architectures
import Dispatch
import Grammars
public import Inference
import Synchronization
public import TensorCore
public import Tokenization

/// Runs the texts of many requests through one model, each step with a token or a piece of prompt of
/// as many as there are slots.
///
/// Requests that find no slot wait in a queue of bounded length. A text's tokens depend on its
/// request alone, not on what else runs.
public final class Engine: Sendable {
    /// How an engine runs.
    public struct Settings: Sendable {
        /// How many texts run at a time.
        public var slotCount: Int
        /// The most tokens of a text, prompt and answer.
        public var slotCapacity: Int
        /// The most requests that wait for a slot.
        public var queueLimit: Int
        /// What linear layers take in.
        public var activations = Activations.f32
        /// How keys are kept.
        public var cacheTypeK = CacheType.f16
        /// How values are kept.
        public var cacheTypeV = CacheType.f16
        /// How one vector is made of a text's rows; `nil` for what the model was made for.
        public var pooling: Pooling?
        /// What its thread does before each step: tests hold it there.
        package var beforeStep: (@Sendable () -> Void)?

        /// Settings with the usual rest.
        public init(slotCount: Int, slotCapacity: Int, queueLimit: Int = 256) {
            self.slotCount = slotCount
            self.slotCapacity = slotCapacity
            self.queueLimit = queueLimit
        }
    }

    /// Why a request is not taken.
    public enum Refusal: Error, Sendable {
        /// Too many wait already.
        case queueFull(limit: Int)
        /// The engine is being stopped.
        case stopping
    }

    /// How it runs.
    public let settings: Settings
    /// The bytes of the keys and values of all slots.
    public let cacheByteCount: Int
    /// What it counts.
    public let metrics: ServingMetrics
    /// How vectors are made.
    let pooling: Pooling
    /// The numbers of a vector.
    let vectorLength: Int
    let embeddings = EmbeddingQueue()
    private let shared: EngineInbox

    /// Starts an engine on a thread of its own.
    ///
    /// - Throws: `InferenceError` when there is no memory for the slots or the model has no such
    ///   positions, `ThreadError`.
    public init(
        model: Model, tokenizer: Tokenizer, settings: Settings, metrics: ServingMetrics,
        pool: WorkerPool = WorkerPool()
    ) throws {
        precondition(settings.slotCount > 0 && settings.queueLimit > 0, "room for no request")
        self.settings = settings
        self.metrics = metrics
        let shared = EngineInbox()
        self.shared = shared
        // Made here, so that faults are told here; used by the thread alone from then on.
        nonisolated(unsafe) let loop = try EngineLoop(
            runner: ModelRunner(model: model, settings: settings, pool: pool),
            tokenizer: tokenizer, settings: settings, inbox: shared, embeddings: embeddings,
            metrics: metrics)
        (pooling, vectorLength) = unsafe (loop.embedder.pooling, loop.embedder.length)
        cacheByteCount = unsafe loop.byteCount
        try BackgroundThread.start { unsafe loop.run() }
    }

    deinit { shared.close() }

    /// Has the thread look for requests.
    func wake() { shared.wake() }

    /// Whether cancellations wait for the end of a step.
    package var hasCancellations: Bool { shared.hasCancellations }

    /// Goes on with some texts.
    ///
    /// When the stream is no longer read, they are cancelled and their slots are free.
    ///
    /// - Returns: What happens to each text, with its number.
    /// - Throws: `Refusal`.
    public func submit(
        _ requests: [GenerationRequest]
    ) throws(Refusal) -> AsyncStream<(index: Int, event: GenerationEvent)> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: (index: Int, event: GenerationEvent).self)
        let number = try shared.add(requests, continuation, limit: settings.queueLimit)
        continuation.onTermination = { [shared] reason in
            if case .cancelled = reason { shared.cancel(number) }
        }
        return stream
    }

    /// Takes no more requests, and waits until those that are here have ended.
    ///
    /// - Parameter seconds: How long; those that still run then are cancelled.
    public func stop(within seconds: Double) async {
        shared.stop()
        embeddings.stop()
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !(shared.isIdle && embeddings.isIdle), ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
        shared.close()
    }
}

/// Requests on their way to the engine's thread.
final class EngineInbox: Sendable {
    /// Texts that were asked for together.
    struct Group: Sendable {
        let number: Int
        let requests: [GenerationRequest]
        let continuation: AsyncStream<(index: Int, event: GenerationEvent)>.Continuation
        let arrival: ContinuousClock.Instant
    }

    private struct Contents {
        var groups: [Group] = []
        var cancelled: Set<Int> = []
        var nextNumber = 0
        var waitingCount = 0
        var runningCount = 0
        var isStopping = false
        var isClosed = false
    }

    /// What the thread finds there.
    struct Mail {
        var groups: [Group]
        var cancelled: Set<Int>
        var isClosed: Bool
    }

    private let contents = Mutex(Contents())
    private let signal = DispatchSemaphore(value: 0)

    func add(
        _ requests: [GenerationRequest],
        _ continuation: AsyncStream<(index: Int, event: GenerationEvent)>.Continuation, limit: Int
    ) throws(Engine.Refusal) -> Int {
        let result = contents.withLock { contents -> Result<Int, Engine.Refusal> in
            guard !contents.isStopping, !contents.isClosed else { return .failure(.stopping) }
            guard contents.waitingCount < limit else { return .failure(.queueFull(limit: limit)) }
            contents.nextNumber += 1
            contents.waitingCount += 1
            contents.groups.append(
                Group(
                    number: contents.nextNumber, requests: requests, continuation: continuation,
                    arrival: .now))
            return .success(contents.nextNumber)
        }
        signal.signal()
        return try result.get()
    }

    func cancel(_ number: Int) {
        contents.withLock { _ = $0.cancelled.insert(number) }
        signal.signal()
    }

    func wake() { signal.signal() }

    func stop() { contents.withLock { $0.isStopping = true } }

    func close() {
        contents.withLock { $0.isClosed = true }
        signal.signal()
    }

    var isIdle: Bool {
        contents.withLock {
            $0.groups.isEmpty && $0.waitingCount == 0 && $0.runningCount == 0
        }
    }

    var hasCancellations: Bool { contents.withLock { !$0.cancelled.isEmpty } }

    /// Notes how many of the thread's own requests wait for a slot, and how many texts run.
    func note(waitingCount: Int, runningCount: Int) {
        contents.withLock {
            $0.waitingCount = waitingCount + $0.groups.count
            $0.runningCount = runningCount
        }
    }

    /// Takes what has come.
    ///
    /// - Parameter waits: Whether there is nothing else to do until something comes.
    func take(waits: Bool) -> Mail {
        if waits { signal.wait() }
        return contents.withLock { contents in
            defer {
                contents.groups = []
                contents.cancelled = []
            }
            return Mail(
                groups: contents.groups, cancelled: contents.cancelled,
                isClosed: contents.isClosed)
        }
    }
}
