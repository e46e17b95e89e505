import GGUF
import Quantization
import TensorCore

/// What looks at files whose tensors are all written and that do not have their names yet, and gives
/// weights that stay in F32 other values.
public protocol OutputFinishing: Sendable {
    /// The values that tensors of a plan get, by name; all are F32 in the file. A run that is
    /// continued asks again and has to be given the same.
    ///
    /// - Parameter path: Where the file of the plan is until it gets its name.
    func values(for plan: Plan, at path: String) throws -> [String: [Float]]

    /// About how many bytes that takes.
    func memoryByteCount(for plan: Plan) throws -> Int
}

extension OutputSet {
    /// Writes what `finishing` gives into each file.
    func finish(
        _ finishing: any OutputFinishing, _ work: WorkList, checksums: Checksums
    ) throws {
        for (number, plan) in plans.enumerated() {
            let file = files[number]
            try file.truncate(to: plan.layout.byteCount)
            let values = try finishing.values(for: plan, at: file.temporaryPath)
            for (place, tensor) in plan.tensors.enumerated() {
                guard let own = values[tensor.name] else { continue }
                precondition(
                    tensor.choice.format == .F32 && own.count * 4 == tensor.byteCount,
                    "a value for each that is there in F32")
                var bytes: [UInt8] = []
                bytes.reserveCapacity(tensor.byteCount)
                for value in own {
                    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
                }
                try file.write(bytes, at: plan.layout.offsets[place])
                update(checksums, work, plan: number, tensor: place, bytes)
            }
        }
    }

    /// What is on the disk now is what verification has to find there.
    private func update(
        _ checksums: Checksums, _ work: WorkList, plan: Int, tensor: Int, _ bytes: [UInt8]
    ) {
        let source = plans[plan].tensors[tensor].sourceIndex
        let targets = work.targets[source, default: []]
        guard let index = targets.firstIndex(where: { $0.plan == plan && $0.tensor == tensor })
        else { return }
        for (number, chunk) in work.chunks.enumerated() where chunk.tensor == source {
            let range = Format.F32.byteRange(of: chunk.elements)
            bytes.withUnsafeBytes {
                checksums[work.firstResults[number] + index] = Checksums.checksum(
                    UnsafeRawBufferPointer(rebasing: $0[range]))
            }
        }
    }
}
