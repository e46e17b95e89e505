extension ContinuousClock.Instant {
    /// Seconds from this instant to now.
    package var secondsAgo: Double { (ContinuousClock.now - self) / .seconds(1) }
}
