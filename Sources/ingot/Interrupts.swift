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

/// Ctrl-C and a polite `kill` leave no temporary files behind.
enum Interrupts {
    /// A signal handler may do almost nothing safely, so it wakes a thread that cleans up and then
    /// lets the signal end the process as it would have.
    static func removeTemporaryFilesWhenInterrupted() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        wakeUp = ends[1]
        let readEnd = ends[0]
        BackgroundThread.start {
            var number: UInt8 = 0
            while read(readEnd, &number, 1) != 1 {}
            TemporaryFiles.removeAll()
            signal(Int32(number), SIG_DFL)
            raise(Int32(number))
        }
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
