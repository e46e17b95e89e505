import ArgumentParser
import GGUF
import Pipeline
import Reporting
import TensorCore

/// The command `ingot verify FILE`.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a GGUF file: structure, every block, recorded digests.",
        discussion: """
            Reads the whole file: the header's lengths, offsets and shapes, every block of every \
            tensor (all values must be finite), what llama.cpp asks of a file before it loads it \
            (docs/formats/gguf-limits.md), and, when FILE.provenance.json is there, the SHA-256 \
            digests in it. Ends with 0 when all is well and 65 when something is wrong.

            With --provenance the digests of that record count, and one has to be the file's. With \
            --signature the file, or that record, has to be signed by one of the allowed signers.

            Examples:
              ingot verify model-Q4_K_M.gguf
              ingot verify --provenance q4.json --signature q4.json.sig \\
                --allowed-signers signers model-Q4_K_M.gguf
              ingot verify --threads 4 model-00001-of-00003.gguf
            """)

    @Argument(help: "A GGUF file; of a split model, the first part.")
    var file: String

    @OptionGroup var authenticity: AuthenticityOptions

    @OptionGroup var options: RunOptions

    func run() throws {
        let source = try SplitSource.open(path: file)
        // Who signed comes before what is read.
        let signer = try authenticity.verifySignature(of: source.files.map(\.path))
        let given = try authenticity.provenance.map { try ProvenanceRecord(path: $0) }
        let line = ProgressLine(Paths.name(file), isQuiet: options.quiet || !Terminal.isInteractive)
        defer { line.finish() }
        let found = try Verification(of: source, threadCount: options.threads) { done, all in
            line.update(done, of: all)
        }
        line.finish()
        var errors = found.badValues.map { bad in
            VerificationError(
                file: file, place: bad.tensor,
                problem: "\(bad.value) found in row \(bad.row), column \(bad.column),"
                    + " expected a finite value",
                remedy: "The file is damaged; make or fetch it again.")
        }
        let faults = try readerFaults(of: source)
        for fault in faults where !fault.isFatal { Terminal.warning(fault.description) }
        var broken: [any IngotError] = faults.filter(\.isFatal)
        var recorded = 0
        for part in source.files {
            let record = try authenticity.record(
                for: part.path, among: given, isOnly: source.files.count == 1)
            guard let record else { continue }
            errors += try record.differences(from: GGUFFile(path: part.path))
            recorded += max(1, record.tensors.count)
        }
        broken += errors
        for error in broken.dropFirst() { Terminal.error(error.description) }
        if let error = broken.first { throw error }
        guard !options.quiet else { return }
        var text = "\(file): \(source.tensors.count) tensors,"
        text += " \(NumberFormat.count(found.elementCount)) values, all finite"
        if !found.undecodable.isEmpty {
            text += "; \(found.undecodable.count) tensors of formats that are not looked into"
        }
        text += recorded > 0 ? "; \(recorded) SHA-256 digests as recorded" : "; no digests recorded"
        if let signer { text += "; signed by \(signer)" }
        Terminal.print(text)
    }

    /// What readers ask of the model and of each of its files.
    private func readerFaults(of source: any TensorSource) throws -> [ReaderFault] {
        let model = ReaderRequirements(
            metadata: source.metadata, tensors: source.tensors, path: source.path)
        return try model.faults()
            + source.files.flatMap { try GGUFFile(path: $0.path).readerFaults }
    }
}
