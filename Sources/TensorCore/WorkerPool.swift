#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import Synchronization

/// Runs numbered jobs on a fixed number of threads.
///
/// Jobs are taken from an atomic counter in order, so uneven jobs balance themselves. Threads live
/// for one call: starting one costs about 20 µs, so give each job at least a millisecond of work.
public struct WorkerPool: Sendable {
    /// The number of threads, the calling one included.
    public let threadCount: Int

    /// Creates a pool; without a number it has one thread per processor.
    public init(threadCount: Int? = nil) {
        self.threadCount = max(1, threadCount ?? WorkerPool.processorCount)
    }

    /// The number of processors that this process may use.
    public static var processorCount: Int { ProcessLimits.processorCount }

    /// Calls `body(worker, job)` for every job in `0 ..< jobCount` and waits for all.
    ///
    /// `worker` is in `0 ..< threadCount` and belongs to one thread at a time: it indexes buffers
    /// that are reused from job to job. The first error stops the taking of new jobs and is thrown.
    public func run(
        jobCount: Int, _ body: @Sendable (_ worker: Int, _ job: Int) throws -> Void
    ) throws {
        let threads = min(threadCount, jobCount)
        guard threads > 1 else {
            for job in 0..<max(0, jobCount) { try body(0, job) }
            return
        }
        let next = Atomic<Int>(0)
        let failure = Mutex<(any Error)?>(nil)
        @Sendable func work(_ worker: Int) {
            while true {
                let job = next.add(1, ordering: .relaxed).oldValue
                guard job < jobCount else { return }
                do {
                    try body(worker, job)
                } catch {
                    failure.withLock { if $0 == nil { $0 = error } }
                    next.store(jobCount, ordering: .relaxed)
                    return
                }
            }
        }
        withoutActuallyEscaping(work) { escapable in
            // Where the system has no thread left, those that there are do the jobs.
            let handles = (1..<threads).compactMap { worker in
                Thread.start { escapable(worker) }
            }
            escapable(0)
            for handle in handles { handle.join() }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}

/// A thread that nobody waits for: it waits for events as long as the process lives.
public enum BackgroundThread {
    /// Starts a thread that runs `body`.
    ///
    /// - Throws: `ThreadError` when the system has none left.
    public static func start(_ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        guard Thread.start(body) != nil else { throw ThreadError() }
    }
}

/// No thread could be started.
public struct ThreadError: IngotError {
    /// No file is involved.
    public var file: String? { nil }
    /// No place either.
    public var place: String? { nil }
    /// What was found.
    public var problem: String { "the system has no thread left" }
    /// What to do about it.
    public var remedy: String? { "End other programs, or raise the limit (ulimit -u, pids.max)." }
    /// The system refused.
    public var exitCode: ExitCode { .inputOutput }
}

/// A POSIX thread that runs one closure.
struct Thread {
    private let handle: pthread_t
    private final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a thread; `nil` when the system has none left.
    static func start(_ body: @escaping @Sendable () -> Void) -> Thread? {
        let box = unsafe Unmanaged.passRetained(Box(body))
        #if canImport(Glibc)
            var handle = pthread_t()
            let code = unsafe pthread_create(&handle, nil, Thread.entry, box.toOpaque())
            let started: pthread_t? = handle
        #else
            var started: pthread_t?
            let code = pthread_create(&started, nil, Thread.entry, box.toOpaque())
        #endif
        guard code == 0, let started else {
            unsafe box.release()
            return nil
        }
        return Thread(handle: started)
    }

    #if canImport(Glibc)
        private static let entry:
            @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
                if let context = unsafe $0 {
                    unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
                }
                return nil
            }
    #else
        private static let entry:
            @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = {
                Unmanaged<Box>.fromOpaque($0).takeRetainedValue().body()
                return nil
            }
    #endif

    func join() {
        pthread_join(handle, nil)
    }
}
