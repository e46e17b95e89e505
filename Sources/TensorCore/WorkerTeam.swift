#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import Synchronization

/// Threads that stay from one round of small jobs to the next.
///
/// For rounds too short for a `WorkerPool`, whose threads live for one call. A round ends when its
/// jobs are done: a thread that the system has not let run in time is not waited for, so a busy
/// machine costs no more than its share.
///
/// `@unchecked Sendable`: rounds are run by one thread at a time, and what threads share is behind
/// the lock.
public final class WorkerTeam: @unchecked Sendable {
    /// The number of threads, the calling one included.
    public let threadCount: Int
    private let board: Board
    private let threads: [Thread]

    /// What the threads share.
    private final class Board: @unchecked Sendable {
        private let lock: UnsafeMutablePointer<pthread_mutex_t>
        private let changed: UnsafeMutablePointer<pthread_cond_t>
        /// Counts the rounds; read without the lock by threads that wait a moment for the next.
        let round = Atomic<Int>(0)
        /// The next job of the round.
        let next = Atomic<Int>(0)
        // Behind the lock:
        private var body: (@Sendable (Int, Int) -> Void)?
        private var jobCount = 0
        private var busyCount = 0
        private var isClosed = false

        init() {
            lock = .allocate(capacity: 1)
            changed = .allocate(capacity: 1)
            pthread_mutex_init(lock, nil)
            pthread_cond_init(changed, nil)
        }

        deinit {
            pthread_cond_destroy(changed)
            pthread_mutex_destroy(lock)
            lock.deallocate()
            changed.deallocate()
        }

        private func locked<Result>(_ body: () -> Result) -> Result {
            pthread_mutex_lock(lock)
            defer { pthread_mutex_unlock(lock) }
            return body()
        }

        func open(jobCount: Int, _ body: @escaping @Sendable (Int, Int) -> Void) {
            locked {
                next.store(0, ordering: .relaxed)
                (self.body, self.jobCount) = (body, jobCount)
                round.add(1, ordering: .releasing)
                pthread_cond_broadcast(changed)
            }
        }

        /// Ends the round: no further thread enters it, and those in it are waited for.
        func close() {
            locked {
                body = nil
                while busyCount > 0 { pthread_cond_wait(changed, lock) }
            }
        }

        func stop() {
            locked {
                isClosed = true
                round.add(1, ordering: .releasing)
                pthread_cond_broadcast(changed)
            }
        }

        /// Takes part in rounds until the team ends.
        func work(as worker: Int) {
            var seen = 0
            while true {
                // The next round often comes at once; sleeping and waking takes longer.
                for _ in 0..<2000 where round.load(ordering: .relaxed) == seen {}
                var work = locked { () -> (jobCount: Int, body: @Sendable (Int, Int) -> Void)? in
                    while !isClosed, body == nil || round.load(ordering: .acquiring) == seen {
                        pthread_cond_wait(changed, lock)
                    }
                    guard !isClosed, let body else { return nil }
                    seen = round.load(ordering: .acquiring)
                    busyCount += 1
                    return (jobCount, body)
                }
                guard work != nil else { return }
                if let work { run(work.jobCount, worker, work.body) }
                // What the jobs hold is let go before the caller goes on.
                work = nil
                locked {
                    busyCount -= 1
                    if busyCount == 0 { pthread_cond_broadcast(changed) }
                }
            }
        }

        func run(_ jobCount: Int, _ worker: Int, _ body: (Int, Int) -> Void) {
            while true {
                let job = next.add(1, ordering: .relaxed).oldValue
                guard job < jobCount else { return }
                body(worker, job)
            }
        }
    }

    /// Starts the threads.
    public init(threadCount: Int) {
        let (count, board) = (max(1, threadCount), Board())
        self.threadCount = count
        self.board = board
        threads = (1..<count).map { worker in Thread.start { board.work(as: worker) } }
    }

    deinit {
        board.stop()
        for thread in threads { thread.join() }
    }

    /// Calls `body(worker, job)` for every job in `0 ..< jobCount` and waits for all; `worker` is in
    /// `0 ..< threadCount` and belongs to one thread.
    public func run(
        jobCount: Int, _ body: @escaping @Sendable (_ worker: Int, _ job: Int) -> Void
    ) {
        guard threadCount > 1, jobCount > 1 else {
            for job in 0..<max(0, jobCount) { body(0, job) }
            return
        }
        board.open(jobCount: jobCount, body)
        board.run(jobCount, 0, body)
        board.close()
    }
}
