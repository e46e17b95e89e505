import Synchronization
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The end of the pipe that the signal handler writes to.
///
/// Set once before the handler is.
nonisolated(unsafe) private var wakeUp: Int32 = -1

/// Whether Ctrl-C is to stop an answer, and whether it has.
private let isAnswering = Atomic<Bool>(false)
private let isStopped = Atomic<Bool>(false)

/// What SIGABRT did before, set once before the handler is.
nonisolated(unsafe) private var abortAction = sigaction()

/// Ctrl-C, a polite `kill` and the end of memory leave no temporary files behind.
enum Interrupts {
    /// A signal handler may do almost nothing safely, so it wakes a thread that cleans up and then
    /// lets the signal end the process as it would have.
    static func removeTemporaryFilesWhenInterrupted() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        wakeUp = ends[1]
        let readEnd = ends[0]
        // Without the thread signals end the process at once.
        let isStarted: ()? = try? BackgroundThread.start {
            var number: UInt8 = 0
            while read(readEnd, &number, 1) != 1 {}
            TemporaryFiles.removeAll()
            if Int32(number) == SIGABRT {
                Terminal.error(
                    "no memory is left. Use fewer threads (--threads), --max-memory where there is"
                        + " one, or a higher limit (ulimit -v, memory.max).")
                _exit(TensorCore.ExitCode.inputOutput.rawValue)
            }
            signal(Int32(number), SIG_DFL)
            raise(Int32(number))
        }
        guard isStarted != nil else { return }
        tellWhenMemoryEnds()
        // A reader that went away and a limit of a file's size are errors of a write, which are
        // answered like all others.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                if number == SIGINT, isAnswering.load(ordering: .relaxed) {
                    isStopped.store(true, ordering: .relaxed)
                    return
                }
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(wakeUp, &byte, 1)
            }
        }
    }

    /// Where memory cannot be had, Swift's runtime says how much and aborts; this makes an error of
    /// it like any other.
    ///
    /// `errno` tells it from an abort for another reason.
    private static func tellWhenMemoryEnds() {
        sigaction(SIGABRT, nil, &abortAction)
        signal(SIGABRT) { _ in
            guard errno == ENOMEM else {
                sigaction(SIGABRT, &abortAction, nil)
                raise(SIGABRT)
                return
            }
            var byte = UInt8(truncatingIfNeeded: SIGABRT)
            _ = write(wakeUp, &byte, 1)
            // The thread ends the process, unless it cannot.
            sleep(5)
            _exit(TensorCore.ExitCode.inputOutput.rawValue)
        }
    }

    /// Runs `body`, which Ctrl-C does not end: it is told by what `body` is given.
    static func stoppable<Result>(
        _ body: (@escaping @Sendable () -> Bool) throws -> Result
    ) rethrows -> Result {
        isStopped.store(false, ordering: .relaxed)
        isAnswering.store(true, ordering: .relaxed)
        defer { isAnswering.store(false, ordering: .relaxed) }
        return try body { isStopped.load(ordering: .relaxed) }
    }
}
