extension Format {
    /// Every format, in the order of GGUF's type numbers. A test fails when a file under `Formats/`
    /// declares a format that is not here.
    public static let all: [Format] = [
        .F32, .F16, .I8, .I16, .I32, .I64, .F64, .BF16,
    ]
}
