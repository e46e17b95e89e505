public import HTTPRequests
import Synchronization

/// A load test: every level of a plan against one target.
public struct LoadTest: Sendable {
    /// What has been done of a level.
    public struct Progress: Sendable {
        /// The level.
        public var level: LoadLevel
        /// Requests that have ended.
        public var ended: Int
        /// Those of them that failed.
        public var failed: Int
        /// The part of all levels that is done, 0 to 1.
        public var share: Double
    }

    private let plan: LoadPlan
    private let prompts: any PromptSource
    private let runner: RequestRunner
    private let clock: LoadClock

    /// Describes a test; nothing is sent.
    public init(
        target: LoadTarget, plan: LoadPlan, prompts: any PromptSource,
        transport: any HTTPTransport, clock: LoadClock = .continuous
    ) {
        self.plan = plan
        self.prompts = prompts
        self.clock = clock
        runner = RequestRunner(
            target: target, timeout: plan.timeout, transport: transport, clock: clock)
    }

    /// Runs all levels, one after the other.
    ///
    /// A task that is cancelled ends with what has been measured.
    public func run(
        progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async -> [LevelResult] {
        var results: [LevelResult] = []
        // Requests are numbered throughout, so that no prompt is there from an earlier level.
        var first = 0
        for (index, level) in plan.levels.enumerated() {
            guard !Task.isCancelled else { break }
            await warmUp(level, first: first)
            let run = LevelRun(
                level, index: index, plan: plan, first: first + plan.warmupCount,
                promptTokenCount: prompts.tokenCount, clock: clock, progress: progress)
            switch level {
            case .closed(let concurrency): await runClosed(run, concurrency)
            case .open(let rate, let arrival):
                await runOpen(run, rate, arrival, seed: plan.seed &+ UInt64(index))
            }
            results.append(run.result(isCancelled: Task.isCancelled))
            first = run.nextNumber
        }
        return results
    }

    /// Sends the requests that are not measured, as many at a time as the level will have.
    private func warmUp(_ level: LoadLevel, first: Int) async {
        var width = 1
        if case .closed(let concurrency) = level { width = concurrency }
        let (step, end) = (width, first + plan.warmupCount)
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<min(step, plan.warmupCount) {
                group.addTask {
                    for number in stride(from: first + worker, to: end, by: step) {
                        guard !Task.isCancelled else { return }
                        _ = await runner.run(prompts.prompt(at: number))
                    }
                }
            }
        }
    }

    private func runClosed(_ run: LevelRun, _ concurrency: Int) async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<concurrency {
                group.addTask {
                    while !Task.isCancelled, let number = run.next() {
                        run.record(await runner.run(prompts.prompt(at: number)))
                    }
                }
            }
        }
    }

    private func runOpen(
        _ run: LevelRun, _ rate: Double, _ arrival: Arrival, seed: UInt64
    ) async {
        await withTaskGroup(of: Void.self) { group in
            var count = 0
            for offset in ArrivalTimes(rate: rate, arrival: arrival, seed: seed) {
                let due = run.start + offset
                guard run.hasNext(at: due) else { break }
                // A request that has to wait here is late, and its times count from when it was due.
                if count >= plan.inFlightLimit { await group.next() }
                count = min(count + 1, plan.inFlightLimit)
                do { try await clock.sleep(due) } catch { break }
                guard !Task.isCancelled, let number = run.next() else { break }
                group.addTask {
                    run.record(await runner.run(prompts.prompt(at: number), due: due))
                }
            }
        }
    }
}

/// A level while it runs: which request is next, and what has been measured.
private final class LevelRun: Sendable {
    private struct State {
        var next: Int
        var recorder: LevelRecorder
        var ended = 0
        var failed = 0
        var isGivenUp = false
    }

    let start: Double
    private let level: LoadLevel
    private let index: Int
    private let first: Int
    private let plan: LoadPlan
    private let clock: LoadClock
    private let progress: @Sendable (LoadTest.Progress) -> Void
    private let state: Mutex<State>

    init(
        _ level: LoadLevel, index: Int, plan: LoadPlan, first: Int, promptTokenCount: Int?,
        clock: LoadClock,
        progress: @escaping @Sendable (LoadTest.Progress) -> Void
    ) {
        start = clock.now()
        self.level = level
        self.index = index
        self.first = first
        self.plan = plan
        self.clock = clock
        self.progress = progress
        state = Mutex(
            State(
                next: first,
                recorder: LevelRecorder(
                    level, serviceLevels: plan.serviceLevels, promptTokenCount: promptTokenCount,
                    start: start)))
    }

    /// The number behind the level's last request.
    var nextNumber: Int { state.withLock(\.next) }

    /// Whether a request may still be sent at that time.
    func hasNext(at time: Double) -> Bool { state.withLock { hasNext($0, at: time) } }

    private func hasNext(_ state: State, at time: Double) -> Bool {
        !state.isGivenUp && (plan.duration.map { time < start + $0 } ?? true)
            && (plan.requestCount.map { state.next - first < $0 } ?? true)
    }

    /// The number of the next request; `nil` when the level ends.
    func next() -> Int? {
        let now = clock.now()
        return state.withLock { state in
            guard hasNext(state, at: now) else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    func record(_ outcome: RequestOutcome) {
        let atATime: Int
        if case .closed(let concurrency) = level { atATime = concurrency } else { atATime = 0 }
        let (ended, failed) = state.withLock { state in
            state.recorder.record(outcome)
            switch outcome.result {
            case .cancelled: break
            case .failure: (state.ended, state.failed) = (state.ended + 1, state.failed + 1)
            case .success: state.ended += 1
            }
            if state.recorder.failuresInARow >= max(plan.failureLimit, 4 * atATime) {
                state.isGivenUp = true
            }
            return (state.ended, state.failed)
        }
        let byCount = plan.requestCount.map { Double(ended) / Double(max(1, $0)) } ?? 0
        let byTime = plan.duration.map { (outcome.end - start) / $0 } ?? 0
        let share = (Double(index) + min(1, max(byCount, byTime))) / Double(plan.levels.count)
        progress(
            LoadTest.Progress(level: level, ended: ended, failed: failed, share: share))
    }

    func result(isCancelled: Bool) -> LevelResult {
        state.withLock { state in
            state.recorder.finished(isCutShort: isCancelled, isGivenUp: state.isGivenUp)
        }
    }
}
