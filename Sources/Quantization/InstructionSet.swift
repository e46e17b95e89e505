package import CKernels

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
    package static let best: InstructionSet = {
        if let name = getenv("INGOT_ISA"),
            let wanted = InstructionSet(rawValue: String(cString: name)),
            supported.contains(wanted)
        {
            return wanted
        }
        return supported.last ?? .scalar
    }()

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
