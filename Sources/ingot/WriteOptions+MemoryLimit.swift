import Pipeline
import Reporting
import TensorCore

/// Why a run does not begin: the system leaves it too little memory.
struct MemoryError: IngotError {
    /// The limit.
    let limit: ProcessLimits.Memory
    /// What the run takes at least, in bytes.
    let needed: Int
    /// Whether an option could make it less.
    let canShrink: Bool

    var file: String? { nil }
    var place: String? { nil }
    var problem: String {
        "about \(NumberFormat.bytes(needed)) of memory needed,"
            + " \(NumberFormat.bytes(limit.left)) are left of the"
            + " \(NumberFormat.bytes(limit.limit)) that \(limit.name) allows"
    }
    var remedy: String? {
        canShrink
            ? "Raise the limit, or name a smaller one with --max-memory, which changes how wide"
                + " columns are calibrated."
            : "Raise the limit."
    }
    var exitCode: ExitCode { .inputOutput }
}

extension WriteOptions {
    /// Fits buffers and threads into what the system leaves this process, unless the user named a
    /// limit, and says so.
    ///
    /// What rounds by layers' inputs is not fitted: how much memory it has changes the bytes.
    ///
    /// - Throws: `MemoryError` when the work does not fit.
    mutating func fitMemory(
        of plans: [Plan], within limit: ProcessLimits.Memory? = ProcessLimits.memory,
        note: (String) -> Void
    ) throws {
        guard memoryLimit == nil, let limit else { return }
        let needed = try PlanWriter.memoryByteCount(of: plans, options: self)
        guard needed > limit.left else { return }
        guard rounding == nil, finishing == nil else {
            throw MemoryError(limit: limit, needed: needed, canShrink: true)
        }
        // In coarse steps, so that a run that is continued cuts its work as the one before did.
        var step = 1
        while step <= limit.left / 2 { step *= 2 }
        for own in [step, limit.left] {
            memoryLimit = own
            guard let fitted = try? PlanWriter.memoryByteCount(of: plans, options: self) else {
                continue
            }
            return note(
                "\(limit.name) leaves \(NumberFormat.bytes(limit.left)) of memory: about"
                    + " \(NumberFormat.bytes(fitted)) are used instead of"
                    + " \(NumberFormat.bytes(needed))")
        }
        do {
            _ = try PlanWriter.memoryByteCount(of: plans, options: self)
        } catch let error as PipelineError {
            guard case .memoryLimit(_, let least) = error.kind else { throw error }
            throw MemoryError(limit: limit, needed: least, canShrink: false)
        }
    }
}
