#include "CKernels.h"

bool ingot_isa_supported(ingot_isa isa) {
    switch (isa) {
    case INGOT_SCALAR: return true;
#if defined(__x86_64__)
    case INGOT_SSE2: return true;
    case INGOT_AVX2:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
    case INGOT_AVX512:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
#elif defined(__aarch64__)
    case INGOT_NEON: return true;
#endif
    default: return false;
    }
}
