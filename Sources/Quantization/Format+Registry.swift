extension Format {
    /// Every format, in the order of GGUF's type numbers.
    ///
    /// A test fails when a file under `Formats/`
    /// declares a format that is not here.
    public static let all: [Format] = [
        .F32,
        .F16,
        .Q4_0,
        .Q4_1,
        .Q5_0,
        .Q5_1,
        .Q8_0,
        .Q2_K,
        .Q3_K,
        .Q4_K,
        .Q5_K,
        .Q6_K,
        .I8,
        .I16,
        .I32,
        .I64,
        .F64,
        .BF16,
        .NVFP4,
    ]
}
