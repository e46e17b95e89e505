public import TensorCore

/// What cannot be deployed, and what to make instead.
public struct DeploymentError: IngotError, Hashable {
    /// The model, or another file.
    public let file: String?
    /// The place in it.
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
