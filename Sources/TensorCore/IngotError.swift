/// What every error of this package can tell: where the fault is, what it is, and what to do.
///
/// One line on a terminal: `<file>: <where>: <what was found>, <what was expected>. <remedy>`.
public protocol IngotError: Error, CustomStringConvertible, Sendable {
    /// The file that the fault is in, as the user named it; `nil` when no file is involved.
    var file: String? { get }
    /// The place inside the file: a byte offset, a tensor name, a metadata key.
    var place: String? { get }
    /// What was found and what was expected, without a closing full stop.
    var problem: String { get }
    /// What the user can do about it, a sentence; `nil` when there is nothing to advise.
    var remedy: String? { get }
    /// How the process ends when this error reaches the command line.
    var exitCode: ExitCode { get }
}

extension IngotError {
    /// The one-line message: `<file>: <where>: <problem>. <remedy>`.
    public var description: String {
        var text = ""
        if let file { text += "\(file): " }
        if let place { text += "\(place): " }
        text += problem
        if let remedy { text += ". \(remedy)" }
        return text
    }
}

/// Exit codes of the command-line tool (the BSD `sysexits.h` numbers scripts know).
public enum ExitCode: Int32, Sendable {
    /// All went well.
    case success = 0
    /// A quality gate was not met.
    case gateNotMet = 1
    /// The command line makes no sense.
    case usage = 64
    /// The input is not what it claims to be.
    case badData = 65
    /// The operating system refused to read or write.
    case inputOutput = 74
}
