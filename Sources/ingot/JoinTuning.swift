import Calibration
import GGUF
import Parts
import Pipeline
import Quantization
import Reporting
import TensorCore

/// What joining parts of `--effort best` does when their bytes are together: the norms are tuned by the
/// whole file, as one run tunes them.
struct JoinTuning {
    /// What manifests call it.
    static let norms = "norms"

    private let source: any TensorSource
    private let calibration: LoadedCalibration
    private let finishing: NormFinishing
    private let isQuiet: Bool

    /// Prepares it; `nil` for parts that need nothing of the kind.
    ///
    /// - Parameters:
    ///   - model: The file that the parts were made of.
    ///   - options: The calibration that they were made with.
    /// - Throws: `FileProblem` where model or calibration is not that of the parts.
    init?(
        _ set: PartSet, model: String?, _ options: CalibrateOptions, threads: Int?, isQuiet: Bool
    ) throws {
        guard let wanted = set.parts[0].manifest.finishing else {
            guard model == nil, options.calibrate == nil else {
                throw FileProblem(
                    file: set.output,
                    problem: "--model and --calibrate are for parts of --effort"
                        + " best whose norms are tuned, and these are joined as they are",
                    remedy: "Leave them out.")
            }
            return nil
        }
        guard wanted == JoinTuning.norms else {
            throw PartError(.unknownCommand("\(set.command), \(wanted)"), path: set.parts[0].path)
        }
        guard let model, options.calibrate != nil else {
            throw FileProblem(
                file: set.output,
                problem: "parts of --effort best found, whose norms are tuned by the whole file",
                remedy: "Name what they were made of: --model MODEL --calibrate INPUTS.")
        }
        source = try SplitSource.open(path: model)
        let digests = Set(set.parts[0].manifest.sources.map(\.digest))
        guard try source.files.allSatisfy({ digests.contains(try PartSource($0).digest) }) else {
            throw FileProblem(
                file: model, problem: "another model found than the parts were made of",
                remedy: "Name \(set.parts[0].manifest.sources.map(\.name).joined(separator: ", "))."
            )
        }
        var options = options
        options.effort = .best
        guard let calibration = try options.load(for: source),
            let finishing = try calibration.finishing(
                of: source, threads: threads, isQuiet: isQuiet)
        else { return nil }
        (self.calibration, self.finishing, self.isQuiet) = (calibration, finishing, isQuiet)
    }

    /// Tunes the norms of a file that has no name yet.
    func tune(_ output: OutputFile) throws {
        let file = try GGUFFile(path: output.temporaryPath)
        for note in calibration.metadata where file.metadata[note.key] != note.value {
            throw FileProblem(
                file: output.path,
                problem: "another calibration found than the parts were made with:"
                    + " \(note.value.text ?? "none") found, expected"
                    + " \(file.metadata[note.key]?.text ?? "none")",
                remedy: "Name the texts, or the stored inputs, that they were made with.")
        }
        let norms = try finishing.values(for: file, of: source, output: output.path)
        for (index, tensor) in file.tensors.enumerated() {
            guard let values = norms[tensor.name] else { continue }
            let bytes = values.flatMap { value in
                withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
            }
            precondition(
                tensor.format == .F32 && bytes.count == file.byteCounts[index],
                "a value for each that is there in F32")
            try output.write(bytes, at: file.offsets[index])
        }
        if !isQuiet { CalibrationListing.show(norms: finishing.outcomes) }
    }
}
