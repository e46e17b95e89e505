import ArgumentParser
import TensorCore

/// Threads and silence.
struct RunOptions: ParsableArguments {
    @Option(name: [.customShort("t"), .long], help: "Threads; one per processor by default.")
    var threads: Int?

    @Flag(name: [.customShort("q"), .long], help: "Say nothing but results, errors and warnings.")
    var quiet = false

    mutating func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("\(threads) threads asked for, expected 1 to 1024")
        }
    }

    /// Says something beside the results, unless it is to be quiet.
    func note(_ lines: [String]) {
        if !quiet { for line in lines { Terminal.note(line) } }
    }

    /// The workers.
    var pool: WorkerPool { pool(usualThreads: nil) }

    /// The workers, as many as asked for somewhere else where no option tells it.
    func pool(usualThreads: Int?) -> WorkerPool {
        WorkerPool(threadCount: threads ?? usualThreads)
    }
}
