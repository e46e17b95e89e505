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
    public static var processorCount: Int {
        return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

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
            let handles = (1..<threads).map { worker in
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
    public static func start(_ body: @escaping @Sendable () -> Void) {
        _ = Thread.start(body)
    }
}

/// A POSIX thread that runs one closure.
struct Thread {
    private let handle: pthread_t?
    private final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a thread; when the system has none left, `body` runs at once on the caller's.
    static func start(_ body: @escaping @Sendable () -> Void) -> Thread {
        let box = Unmanaged.passRetained(Box(body))
        #if canImport(Glibc)
            var handle = pthread_t()
            let code = pthread_create(&handle, nil, Thread.entry, box.toOpaque())
            let started: pthread_t? = handle
        #else
            var started: pthread_t?
            let code = pthread_create(&started, nil, Thread.entry, box.toOpaque())
        #endif
        if code != 0 {
            box.release()
            body()
            return Thread(handle: nil)
        }
        return Thread(handle: started)
    }

    #if canImport(Glibc)
        private static let entry:
            @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
                if let context = $0 {
                    Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
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
        if let handle { pthread_join(handle, nil) }
    }
}
