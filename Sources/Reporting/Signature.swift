import Foundation
public import TensorCore

/// A signature made by `ssh-keygen -Y sign`, checked by `ssh-keygen -Y verify`.
///
/// The keys and the cryptography are OpenSSH's; see
/// <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig>.
public struct Signature: Sendable {
    /// The file of the signature.
    public let path: String
    /// Who may sign: a file as `ssh-keygen` describes under ALLOWED SIGNERS.
    public let allowedSigners: String
    /// Who has to have signed; `nil` for any of the allowed signers.
    public let identity: String?
    /// What the signature is for, as the signer said.
    public let namespace: String

    /// Describes a signature that is to be checked.
    public init(path: String, allowedSigners: String, identity: String?, namespace: String) {
        self.path = path
        self.allowedSigners = allowedSigners
        self.identity = identity
        self.namespace = namespace
    }

    /// Checks that the file at `path` is signed.
    ///
    /// - Returns: Who signed it.
    /// - Throws: `SignatureError`, `FileError` when a file cannot be read.
    /// - Complexity: O(bytes of the file).
    public func verify(fileAt path: String) throws -> String {
        for file in [path, self.path, allowedSigners] { _ = try InputFile(path: file) }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        guard
            let program = folders.map({ "\($0)/ssh-keygen" }).first(where: {
                FileManager.default.isExecutableFile(atPath: $0)
            })
        else { throw SignatureError(.noProgram, path: self.path) }
        let signer = try identity ?? principal(program)
        let outcome = try run(
            program,
            ["verify", "-f", allowedSigners, "-I", signer, "-n", namespace, "-s", self.path],
            input: path)
        guard outcome.status == 0 else {
            throw SignatureError(.refused(outcome.text), path: self.path)
        }
        return signer
    }

    /// Whose key it is, by the list of those who may sign.
    private func principal(_ program: String) throws -> String {
        let outcome = try run(
            program, ["find-principals", "-f", allowedSigners, "-s", path], input: "/dev/null")
        guard outcome.status == 0, let name = outcome.text.split(separator: "\n").first else {
            throw SignatureError(.unknownSigner(outcome.text), path: path)
        }
        return String(name)
    }

    private func run(
        _ program: String, _ arguments: [String], input: String
    ) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = ["-Y"] + arguments
        process.standardInput = FileHandle(forReadingAtPath: input)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        do {
            try process.run()
        } catch {
            throw SignatureError(.refused(error.localizedDescription), path: path)
        }
        let bytes = (try? output.fileHandleForReading.readToEnd()) ?? nil
        process.waitUntilExit()
        let text = String(decoding: (bytes ?? Data()).prefix(1 << 12), as: UTF8.self)
        return (
            process.terminationStatus, text.trimmingCharacters(in: .whitespacesAndNewlines)
        )
    }
}

/// Why a signature is not taken.
public struct SignatureError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// There is no `ssh-keygen`.
        case noProgram
        /// The key is of nobody who may sign.
        case unknownSigner(String)
        /// What `ssh-keygen` said.
        case refused(String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The signature.
    public let path: String

    init(_ kind: Kind, path: String) {
        self.kind = kind
        self.path = path
    }

    /// The signature.
    public var file: String? { path }
    /// No place in it.
    public var place: String? { nil }
    /// What was found.
    public var problem: String {
        switch kind {
        case .noProgram: "cannot be checked: there is no ssh-keygen"
        case .unknownSigner(let said):
            "is of nobody among the allowed signers" + (said.isEmpty ? "" : ": \(said)")
        case .refused(let said):
            "is not a good signature" + (said.isEmpty ? "" : ": \(said)")
        }
    }
    /// What to do about it.
    public var remedy: String? {
        switch kind {
        case .noProgram: "Install OpenSSH: apt-get install openssh-client."
        case .unknownSigner: "Add the signer's public key to the list, if you trust it."
        case .refused: "Do not use the file before you know why."
        }
    }
    /// A missing program is the system's fault, all else that of the data.
    public var exitCode: ExitCode { kind == .noProgram ? .inputOutput : .badData }
}
