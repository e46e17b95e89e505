import Evaluation
import Foundation
import Inference
import Pipeline
import TensorCore

/// The state of an evaluation in a file, from which a later run goes on.
struct EvaluationState: Codable {
    private var schemaVersion = 1
    /// SHA-256 of the model's files, in their order.
    let modelSHA256: [String]
    /// SHA-256 of the text.
    let textSHA256: String
    let contextLength: Int
    let stride: Int?
    let pplStride: Int?
    let windowCount: Int
    /// Batches are cut for so many threads.
    let threadCount: Int
    let activations: String
    private var checkpoint: Evaluator.Checkpoint?

    init(
        files: [InputFile], textSHA256: String, text: EvaluationText, threadCount: Int,
        activations: Activations
    ) throws {
        modelSHA256 = try files.map { try Digests.sha256(of: $0) }
        self.textSHA256 = textSHA256
        contextLength = text.contextLength
        (stride, pplStride) =
            switch text.windowing {
            case .halves: (nil, nil)
            case .sliding(let stride): (stride, nil)
            case .trailing(let stride): (nil, stride)
            }
        windowCount = text.windowCount
        self.threadCount = threadCount
        self.activations = activations.rawValue
    }

    /// Where an earlier run of this evaluation stopped; `nil` when there is no file at `path`.
    ///
    /// - Throws: `EvaluationError` when the file is of another evaluation, or no such file.
    func earlier(at path: String) throws -> Evaluator.Checkpoint? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let bytes = try InputFile.contents(path: path, limit: 1 << 28)
        guard let other = try? JSONDecoder().decode(EvaluationState.self, from: Data(bytes)),
            other.schemaVersion == 1
        else { throw EvaluationError(.otherEvaluation(what: "program"), path: path) }
        let parts: [(String, Bool)] = [
            ("activations", other.activations == activations),
            ("model", other.modelSHA256 == modelSHA256), ("text", other.textSHA256 == textSHA256),
            ("context length", other.contextLength == contextLength),
            ("stride", other.stride == stride && other.pplStride == pplStride),
            ("number of windows", other.windowCount == windowCount),
            ("number of threads", other.threadCount == threadCount),
        ]
        if let differing = parts.first(where: { !$0.1 }) {
            throw EvaluationError(.otherEvaluation(what: differing.0), path: path)
        }
        guard let checkpoint = other.checkpoint,
            (0...windowCount).contains(checkpoint.windowsDone)
        else { throw EvaluationError(.otherEvaluation(what: "number of windows"), path: path) }
        return checkpoint
    }

    /// Writes the state, whole or not at all.
    func save(_ checkpoint: Evaluator.Checkpoint, to path: String) throws {
        var state = self
        state.checkpoint = checkpoint
        try OutputFile.write(Array(JSONEncoder().encode(state)), to: path)
    }
}
