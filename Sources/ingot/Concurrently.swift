import Dispatch
import Synchronization

/// The way from a command, which has a thread of its own, to what runs concurrently.
enum Concurrently {
    /// Runs `body` to its end and gives what it gives.
    static func run<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        let result = Mutex<Result<Value, any Error>?>(nil)
        let done = DispatchSemaphore(value: 0)
        Task {
            let found: Result<Value, any Error>
            do { found = .success(try await body()) } catch { found = .failure(error) }
            result.withLock { $0 = found }
            done.signal()
        }
        done.wait()
        guard let found = result.withLock({ $0 }) else { preconditionFailure("no result") }
        return try found.get()
    }

    /// Runs `body`, which Ctrl-C cancels.
    static func runStoppable<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        try Interrupts.stoppable { isStopped in
            try run {
                let task = Task { try await body() }
                let watch = Task {
                    while !Task.isCancelled {
                        if isStopped() { return task.cancel() }
                        try await Task.sleep(for: .milliseconds(50))
                    }
                }
                defer { watch.cancel() }
                return try await task.value
            }
        }
    }
}
