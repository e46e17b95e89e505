/// Where a load test has its time from.
public struct LoadClock: Sendable {
    /// Seconds since some moment, never backwards.
    public var now: @Sendable () -> Double
    /// Waits until that time; returns at once when it has passed.
    public var sleep: @Sendable (_ until: Double) async throws -> Void

    /// A clock from its two functions.
    public init(
        now: @escaping @Sendable () -> Double,
        sleep: @escaping @Sendable (Double) async throws -> Void
    ) {
        self.now = now
        self.sleep = sleep
    }

    /// The machine's own.
    public static let continuous: LoadClock = {
        let start = ContinuousClock.now
        return LoadClock(now: { (ContinuousClock.now - start) / .seconds(1) }) {
            try await Task.sleep(
                until: start + .seconds($0), tolerance: .zero, clock: .continuous)
        }
    }()
}
