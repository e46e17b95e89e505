package import CKernels
package import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The instruction sets that kernels exist for.
///
/// All of them give the same bytes.
package enum InstructionSet: String, CaseIterable, Sendable {
    /// The reference in Swift.
    case scalar
    /// Baseline x86-64.
    case sse2
    /// AVX2 with F16C.
    case avx2
    /// AVX-512 F, BW, DQ and VL.
    case avx512
    /// Arm64.
    case neon

    /// Those that this machine has, the fastest last.
    package static let supported: [InstructionSet] = allCases.filter {
        ingot_isa_supported($0.isa)
    }

    /// What is used unless `current` is bound to something else: the fastest one, or the one that
    /// the environment variable `INGOT_ISA` names, if this machine has it.
    package static let best: InstructionSet =
        supported.last { $0.rawValue == requested } ?? supported.last ?? .scalar

    /// What `INGOT_ISA` names; an empty one counts as none.
    private static let requested: String? = getenv("INGOT_ISA")
        .map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }

    /// Throws when `INGOT_ISA` names no set that this machine has: programs call it first, so that
    /// nobody measures or tests another path than they think.
    package static func checkRequest() throws(InstructionSetError) {
        guard let requested, !supported.contains(where: { $0.rawValue == requested }) else {
            return
        }
        throw InstructionSetError(requested: requested)
    }

    /// What this task uses.
    ///
    /// Tests and benchmarks bind it: `InstructionSet.$current.withValue(.sse2) { … }`. It must
    /// be one of `supported`.
    @TaskLocal package static var current: InstructionSet = best

    /// The number that C knows it by.
    package var isa: ingot_isa {
        switch self {
        case .scalar: INGOT_SCALAR
        case .sse2: INGOT_SSE2
        case .avx2: INGOT_AVX2
        case .avx512: INGOT_AVX512
        case .neon: INGOT_NEON
        }
    }
}

/// The environment asks for an instruction set that there is not.
package struct InstructionSetError: IngotError, Hashable {
    /// What was asked for.
    package let requested: String

    /// No file is involved.
    package var file: String? { nil }
    /// The environment variable.
    package var place: String? { "INGOT_ISA" }
    /// What was found and what was expected.
    package var problem: String {
        let names = InstructionSet.supported.map(\.rawValue).joined(separator: ", ")
        return "found \(requested), expected one that this machine has: \(names)"
    }
    /// What to do about it.
    package var remedy: String? { "Without INGOT_ISA the fastest is taken." }
    /// The command line's fault.
    package var exitCode: ExitCode { .usage }
}
