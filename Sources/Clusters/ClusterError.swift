public import TensorCore

/// What is wrong with a job, its folder, or what a cluster's program answered.
public struct ClusterError: IngotError, Hashable {
    /// The job's file, or another.
    public let file: String?
    /// The place in it: a line and the key that stands there.
    public let place: String?
    /// What was found and what was expected.
    public let problem: String
    /// What to do.
    public let remedy: String?
    /// How a command ends.
    public let exitCode: ExitCode

    /// Describes a fault.
    public init(
        file: String? = nil, place: String? = nil, problem: String, remedy: String? = nil,
        exitCode: ExitCode = .badData
    ) {
        self.file = file
        self.place = place
        self.problem = problem
        self.remedy = remedy
        self.exitCode = exitCode
    }
}
