public import GGUF
import Inference
public import Pipeline
import Quantization
import Synchronization
public import TensorCore

/// Distils the norms of files that have just been written, before they get their names; see
/// `NormDistillation`.
///
/// What is learned from are the calibration's rows; rows that no step sees and texts of other domains
/// decide what is kept.
public final class NormFinishing: OutputFinishing {
    /// What became of a file's norms.
    public enum Outcome: Sendable, Hashable {
        /// The model has no way back, or its norms no place, for this reason.
        case impossible(String)
        /// Tuned or, with no steps, left as they were.
        case distilled(NormDistillation.Result)
    }

    private let training: [[Int32]]
    private let validation: [[[Int32]]]
    private let options: NormDistillation.Options
    private let pool: WorkerPool
    private let progress: @Sendable (_ path: String, _ done: Int, _ of: Int) -> Void
    private let found = Mutex<[(path: String, outcome: Outcome)]>([])

    /// Tokens of a window.
    private static let windowLength = 256
    /// Windows of each kind of text that decide.
    private static let validationCount = 4

    /// Takes the calibration's rows.
    ///
    /// - Parameter progress: Told the file and the steps that are done.
    public init(
        _ windows: CalibrationWindows, options: NormDistillation.Options = .init(),
        pool: WorkerPool,
        progress: @escaping @Sendable (_ path: String, _ done: Int, _ of: Int) -> Void
    ) {
        // Every eighth row, four at the most, is held back; of few rows the last.
        let rows = windows.fitting
        let step = max(1, min(8, rows.count))
        let held = Set(
            rows.indices.filter { $0 % step == step - 1 }.prefix(Self.validationCount))
        training = rows.indices.filter { !held.contains($0) || rows.count == 1 }
            .map { Array(rows[$0].prefix(Self.windowLength)) }
        let others = windows.validation
        let count = min(Self.validationCount, others.count)
        validation = [
            held.sorted().map { Array(rows[$0].prefix(Self.windowLength)) },
            (0..<count).map { Array(others[$0 * others.count / count].prefix(Self.windowLength)) },
        ].filter { !$0.isEmpty }
        self.options = options
        self.pool = pool
        self.progress = progress
    }

    /// What became of the files, in the order of the plans.
    public var outcomes: [(path: String, outcome: Outcome)] { found.withLock { $0 } }

    /// Why no step can be taken for a model; `nil` where some can.
    public static func obstacle(in source: any TensorSource) throws -> String? {
        NormDistillation.obstacle(in: try Model(source: source))
    }

    /// Takes the steps for a file; empty where none gained anything.
    public func values(for plan: Plan, at path: String) throws -> [String: [Float]] {
        if plan.metadata["split.count"] != nil {
            return told(.impossible("the model is in several files"), plan.outputPath)
        }
        return try values(
            of: plan.source,
            formats: Dictionary(
                plan.tensors.map { ($0.name, $0.choice.format) },
                uniquingKeysWith: { first, _ in first }), at: path, output: plan.outputPath)
    }

    /// Takes the steps for a file that is whole but for them, whoever has written it: for the same
    /// source and bytes the same values as `values(for:at:)`.
    public func values(
        for file: GGUFFile, of source: any TensorSource, output: String
    ) throws -> [String: [Float]] {
        try values(
            of: source,
            formats: Dictionary(
                file.tensors.map { ($0.name, $0.format) }, uniquingKeysWith: { first, _ in first }),
            at: file.path, output: output)
    }

    private func values(
        of source: any TensorSource, formats: [String: Format], at path: String, output: String
    ) throws -> [String: [Float]] {
        told(try outcome(of: source, formats: formats, at: path, output: output), output)
    }

    private func told(_ outcome: Outcome, _ output: String) -> [String: [Float]] {
        found.withLock { $0.append((output, outcome)) }
        guard case .distilled(let result) = outcome else { return [:] }
        return result.norms
    }

    /// About how many bytes distilling a plan's norms takes; 0 where it is not done.
    public func memoryByteCount(for plan: Plan) throws -> Int {
        guard plan.metadata["split.count"] == nil else { return 0 }
        let original = try Model(source: plan.source)
        guard NormDistillation.obstacle(in: original) == nil else { return 0 }
        return try NormDistillation.memoryByteCount(
            of: original, windowLengths: training.map(\.count),
            validationLengths: validation.joined().map(\.count), pool: pool)
    }

    private func outcome(
        of source: any TensorSource, formats: [String: Format], at path: String, output: String
    ) throws -> Outcome {
        let original = try Model(source: source)
        if let obstacle = NormDistillation.obstacle(in: original) { return .impossible(obstacle) }
        let quantized = try Model(path: path)
        let result = try NormDistillation(
            original: original, quantized: quantized, training: training, validation: validation,
            options: options, pool: pool
        ).run { progress(output, $0, $1) }
        guard result.norms.keys.allSatisfy({ formats[$0] == .F32 }) else {
            return .impossible("its norms are not kept in F32")
        }
        return .distilled(result)
    }
}
