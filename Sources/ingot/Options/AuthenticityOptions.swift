import ArgumentParser
import Reporting

/// Where a file comes from, and who says so.
struct AuthenticityOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The record to compare with, in place of FILE.provenance.json: an in-toto statement with \
            the file among its subjects; may be repeated for the parts of a split model.
            """, valueName: "file"))
    var provenance: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            A signature by ssh-keygen -Y sign: of the file, or with --provenance of that record.
            """, valueName: "file"))
    var signature: String?

    @Option(
        help: ArgumentHelp(
            "Who may sign: lines with a name and a public key (ssh-keygen, ALLOWED SIGNERS).",
            valueName: "file"))
    var allowedSigners: String?

    @Option(help: ArgumentHelp("Who has to have signed.", valueName: "name"))
    var identity: String?

    @Option(help: "What the signature has to be for, as the signer said with -n.")
    var namespace = "file"

    mutating func validate() throws {
        if signature != nil, allowedSigners == nil {
            throw ValidationError("--signature needs --allowed-signers: who may sign")
        }
        if signature == nil, allowedSigners != nil || identity != nil {
            throw ValidationError("--allowed-signers and --identity need --signature")
        }
        if signature != nil, provenance.count > 1 {
            throw ValidationError("--signature is of one record; check one after the other")
        }
    }

    /// Checks the signature, if there is to be one.
    ///
    /// - Parameter files: The files of the model.
    /// - Returns: Who signed.
    func verifySignature(of files: [String]) throws -> String? {
        guard let signature, let allowedSigners else { return nil }
        guard provenance.count == 1 || files.count == 1 else {
            throw ValidationError(
                "--signature is of one file; this model has \(files.count). Sign a record of all,"
                    + " and name it with --provenance")
        }
        return try Signature(
            path: signature, allowedSigners: allowedSigners, identity: identity,
            namespace: namespace
        ).verify(fileAt: provenance.first ?? files[0])
    }

    /// The record for a file of the model; `nil` when there is none to compare with.
    ///
    /// - Parameters:
    ///   - given: The records that were named.
    ///   - isOnly: Whether it is the model's only file.
    func record(
        for path: String, among given: [ProvenanceRecord], isOnly: Bool
    ) throws -> ProvenanceRecord? {
        guard !given.isEmpty else { return try ProvenanceRecord.read(for: path) }
        if isOnly, given.count == 1 { return given[0] }
        let name = path.split(separator: "/").last.map(String.init)
        if let own = given.first(where: { $0.outputs.contains { $0.name == name } }) { return own }
        throw VerificationError(
            file: path, place: nil, problem: "none of the records is about it",
            remedy: "Name the record of each file with --provenance.")
    }
}
