// The forms of packed codes that have kernels: bits, whether there is a table, group, block, scaling
// (F32, F16, NESTED), minimum; and the formats that take them.
#define PACKED_FORMS(X)                                                                  \
    X(4, 0, 32, 32, F16, 0)     /* Q4_0 */                                               \
    X(4, 0, 32, 32, F16, 1)     /* Q4_1 */                                               \
    X(5, 0, 32, 32, F16, 0)     /* Q5_0 */                                               \
    X(5, 0, 32, 32, F16, 1)     /* Q5_1 */                                               \
    X(8, 0, 32, 32, F16, 0)     /* Q8_0 */                                               \
    X(4, 1, 32, 32, F16, 0)     /* IQ4_NL */                                             \
    X(4, 1, 32, 32, F32, 0)     /* MXFP4 */                                              \
    X(4, 1, 16, 32, F32, 0)     /* NVFP4 */                                              \
    X(2, 0, 32, 32, F16, 0)     /* Q1_0, Q2_0 */                                         \
    X(2, 0, 16, 256, NESTED, 1) /* Q2_K */                                               \
    X(3, 0, 16, 256, NESTED, 0) /* Q3_K */                                               \
    X(4, 0, 32, 256, NESTED, 1) /* Q4_K */                                               \
    X(5, 0, 32, 256, NESTED, 1) /* Q5_K */                                               \
    X(6, 0, 16, 256, NESTED, 0) /* Q6_K */                                               \
    X(4, 1, 32, 256, NESTED, 0) /* IQ4_XS, IQ3_S, IQ3_XXS, IQ2_XXS, IQ1_S */             \
    X(4, 1, 16, 256, NESTED, 0) /* IQ2_XS, IQ2_S, IQ1_M */                               \
    X(2, 0, 32, 256, NESTED, 0) /* TQ1_0, TQ2_0 */
