import Quantization

/// What work takes, by measurements that docs/clusters.md tells of: a guide for requests and for the
/// choice of parts, not a promise.
public enum CostModel {
    /// Nanoseconds of one processor for a weight that is read, widened and encoded, by format;
    /// searched formats with an importance matrix.
    static let encoding: [String: Double] = [
        "F32": 2, "F16": 1.8, "BF16": 1.9, "Q8_0": 1.6, "Q4_0": 5.2, "Q4_1": 12, "Q5_0": 4.4,
        "Q5_1": 12.2, "Q2_K": 15.8, "Q3_K": 6.6, "Q4_K": 16.1, "Q5_K": 13.1, "Q6_K": 5.6,
        "IQ4_NL": 8.2, "IQ4_XS": 9.6, "IQ3_XXS": 96, "IQ3_S": 61, "IQ2_XXS": 53, "IQ2_XS": 68,
        "IQ2_S": 68, "IQ1_S": 26, "IQ1_M": 36, "TQ1_0": 1.2, "TQ2_0": 1.1, "MXFP4": 3,
    ]
    /// The same for a format that is not in the table.
    static let usualEncoding = 60.0
    /// Nanoseconds of one processor for a weight that is only made a number of.
    static let decoding = 0.5
    /// Floating-point operations a second of one processor in products of large matrices.
    static let evaluationRate = 80e9
    /// The same where moments are factored and errors fed back.
    static let feedbackRate = 17e9
    /// Nanoseconds of one processor for a weight whose scales are searched again in the metric of the
    /// feedback.
    static let calibratedSearch = 300.0
    /// Bytes a second that one node reads or writes from a shared file system.
    public static let nodeBandwidth = 1.2e9
    /// Seconds that a task takes besides: it is started, and a model's header is read.
    static let startSeconds = 5.0
    /// Tokens that a pass over the weights takes at a time.
    static func batchTokens(cores: Int) -> Int { max(4096, cores * 512) }
    /// Tokens that calibration uses where nobody says, those for checks counted.
    static let calibrationTokens = 16_384 * 4 / 3
    /// Bytes of text that make a token.
    static let bytesPerToken = 4

    /// Nanoseconds of one processor for a weight in a format.
    static func encoding(_ format: Format) -> Double { encoding[format.name] ?? usualEncoding }
}
