import Pipeline

/// What work takes, by measurements that docs/clusters.md tells of: a guide for requests and for the
/// choice of parts, not a promise.
///
/// What encoding and calibration take is told by `EncodingCost` and `CalibrationCost`, by which parts are
/// balanced.
public enum CostModel {
    /// Nanoseconds of one processor for a weight that is only made a number of.
    static let decoding = 0.5
    /// Floating-point operations a second of one processor in products of large matrices.
    static let evaluationRate = CalibrationCost.productRate * 1e9
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
}
