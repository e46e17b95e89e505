import TensorCore

/// An argument that is no text.
struct ArgumentError: IngotError {
    /// Its number; 0 is what the program was called by.
    let number: Int
    /// It with U+FFFD where it is no text.
    let text: String

    var file: String? { nil }
    var place: String? { "argument \(number)" }
    var problem: String { "\"\(text)\" is not UTF-8" }
    var remedy: String? { "Rename the file, or name a symbolic link to it." }
    var exitCode: TensorCore.ExitCode { .usage }
}
