import TensorCore

/// Threads that stay for as long as a model runs, and a buffer for each.
///
/// `@unchecked Sendable`: each thread has its own buffer.
final class ResidentWorkers: @unchecked Sendable {
    let team: WorkerTeam
    let scratch: [ScratchBuffer]

    init(threadCount: Int) {
        team = WorkerTeam(threadCount: threadCount)
        scratch = (0..<threadCount).map { _ in ScratchBuffer() }
    }
}

extension ResidentWorkers? {
    /// Numbers from which a second thread is worth its waking.
    private static var threadWork: Int { 1 << 15 }

    /// Calls `body` for ranges that cover `0 ..< count`, on all threads where there are threads and
    /// enough to do.
    ///
    /// What is made of a row must not depend on the others, nor be written by them.
    ///
    /// - Parameter length: The numbers of a row.
    func share(rows count: Int, length: Int, _ body: (Range<Int>) -> Void) {
        guard let team = self?.team, team.threadCount > 1, count * length >= Self.threadWork else {
            return body(0..<count)
        }
        // Some ranges for each thread, since they do not start together.
        let step = max(1, count / (4 * team.threadCount))
        withoutActuallyEscaping(body) { body in
            nonisolated(unsafe) let body = body
            team.run(jobCount: (count + step - 1) / step) { _, job in
                body(job * step..<min(count, (job + 1) * step))
            }
        }
    }
}
