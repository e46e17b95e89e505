import TensorCore

/// What a calibration does for the writing of a directory.
protocol MatrixRounding: Sendable {
    /// What is prepared together, by number, in the order in which it is prepared.
    var groups: [Int] { get }

    /// The group of a matrix; `nil` for one that is rounded to nearest.
    func group(of linear: LinearMatrix) -> Int?

    /// Prepares a group, while nothing is rounded.
    func prepare(group: Int, ranges: inout MatrixRanges) throws

    /// Rounds rows of a matrix of the group that was prepared last.
    func round(
        _ rows: Range<Int>, _ values: UnsafeMutablePointer<Float>, of linear: LinearMatrix,
        into coded: CodedMatrix)

    /// Scales rows of a matrix by what the layer before is divided by.
    func scale(
        _ values: UnsafeMutablePointer<Float>, rows: Range<Int>, of linear: LinearMatrix)

    /// The values of a tensor that is not quantized and takes part in such a change.
    func replacement(of tensor: String) -> [Float]?

    /// The largest magnitude of what a layer takes in; `nil` where no text reached it.
    func largestInput(of linear: LinearMatrix) -> Float?

    /// The largest magnitude of a block's keys or values; `nil` where no text reached them.
    func largestCached(block: Int, isKey: Bool) -> Float?
}
