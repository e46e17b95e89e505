import CPlatform
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Threads that stay from one round of small jobs to the next.
///
/// For rounds too short for a `WorkerPool`, whose threads live for one call. Between rounds a thread
/// watches for the next for some ten microseconds, since waking a sleeping one takes longer than many
/// a round; then it sleeps. A round ends when its jobs are done: a thread that the system has not let
/// run in time is not waited for, so a busy machine costs no more than its share.
///
/// `@unchecked Sendable`: rounds are run by one thread at a time.
public final class WorkerTeam: @unchecked Sendable {
    /// The number of threads, the calling one included.
    public let threadCount: Int
    private let board: Board
    private let threads: [Thread]

    /// What the threads share.
    @safe
    private final class Board: @unchecked Sendable {
        /// How often a thread looks for the next round before it sleeps.
        private static let patience = 2000
        /// The parts of `state`.
        private static let isOpen: UInt64 = 1
        private static let oneBusy: UInt64 = 2
        private static let oneRound: UInt64 = 1 << 32

        /// The number of the round, how many threads are in it beside the caller, whether others may
        /// enter.
        private let state = Atomic<UInt64>(0)
        /// The next job of the round.
        private let next = Atomic<Int>(0)
        private let isClosed = Atomic<Bool>(false)
        /// Threads that sleep or are about to.
        private let sleeperCount = Atomic<Int>(0)
        private let lock: UnsafeMutablePointer<pthread_mutex_t>
        private let changed: UnsafeMutablePointer<pthread_cond_t>
        // Written while nobody is in a round.
        private var body: (@Sendable (Int, Int) -> Void)?
        private var jobCount = 0

        init() {
            unsafe lock = .allocate(capacity: 1)
            unsafe changed = .allocate(capacity: 1)
            unsafe pthread_mutex_init(lock, nil)
            unsafe pthread_cond_init(changed, nil)
        }

        deinit {
            unsafe pthread_cond_destroy(changed)
            unsafe pthread_mutex_destroy(lock)
            unsafe lock.deallocate()
            unsafe changed.deallocate()
        }

        func open(jobCount: Int, _ body: @escaping @Sendable (Int, Int) -> Void) {
            (self.body, self.jobCount) = (body, jobCount)
            next.store(0, ordering: .relaxed)
            // A thread notes that it will sleep before it looks at the state for the last time.
            state.wrappingAdd(Board.oneRound | Board.isOpen, ordering: .sequentiallyConsistent)
            wake()
        }

        /// Ends the round: no further thread enters it, and those in it are waited for.
        func close() {
            state.wrappingSubtract(Board.isOpen, ordering: .sequentiallyConsistent)
            var looks = 0
            while state.load(ordering: .acquiring) % Board.oneRound != 0 {
                looks += 1
                if looks < Board.patience { ingot_pause() } else { sched_yield() }
            }
            body = nil
        }

        func stop() {
            isClosed.store(true, ordering: .sequentiallyConsistent)
            wake()
        }

        private func wake() {
            guard sleeperCount.load(ordering: .sequentiallyConsistent) > 0 else { return }
            unsafe pthread_mutex_lock(lock)
            unsafe pthread_cond_broadcast(changed)
            unsafe pthread_mutex_unlock(lock)
        }

        /// Whether a round is open that a thread has not seen.
        private func isNew(_ state: UInt64, after seen: UInt64) -> Bool {
            state & Board.isOpen != 0 && state / Board.oneRound != seen
        }

        /// Enters a round that a thread has not seen, if one is open.
        private func enter(after seen: inout UInt64) -> Bool {
            var known = state.load(ordering: .acquiring)
            while isNew(known, after: seen) {
                let (done, found) = state.compareExchange(
                    expected: known, desired: known + Board.oneBusy,
                    ordering: .acquiringAndReleasing)
                if done {
                    seen = known / Board.oneRound
                    return true
                }
                known = found
            }
            return false
        }

        /// Takes part in rounds until the team ends.
        func work(as worker: Int) {
            var seen: UInt64 = 0
            var looks = 0
            while !isClosed.load(ordering: .relaxed) {
                if enter(after: &seen) {
                    if let body { run(jobCount, worker, body) }
                    state.subtract(Board.oneBusy, ordering: .releasing)
                    looks = 0
                } else if looks < Board.patience {
                    looks += 1
                    ingot_pause()
                } else {
                    sleep(after: seen)
                    looks = 0
                }
            }
        }

        private func sleep(after seen: UInt64) {
            sleeperCount.add(1, ordering: .sequentiallyConsistent)
            unsafe pthread_mutex_lock(lock)
            while !isClosed.load(ordering: .sequentiallyConsistent),
                !isNew(state.load(ordering: .sequentiallyConsistent), after: seen)
            {
                unsafe pthread_cond_wait(changed, lock)
            }
            unsafe pthread_mutex_unlock(lock)
            sleeperCount.subtract(1, ordering: .sequentiallyConsistent)
        }

        func run(_ jobCount: Int, _ worker: Int, _ body: (Int, Int) -> Void) {
            while true {
                let job = next.add(1, ordering: .relaxed).oldValue
                guard job < jobCount else { return }
                body(worker, job)
            }
        }
    }

    /// Starts the threads; with those that the system has, where it has fewer.
    public init(threadCount: Int) {
        let (count, board) = (max(1, threadCount), Board())
        self.threadCount = count
        self.board = board
        threads = (1..<count).compactMap { worker in Thread.start { board.work(as: worker) } }
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
