import ArgumentParser
import Pipeline

/// How an output is cut into files, for `convert` and `quantize`.
struct SplitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Most tensors in a file; the files are called NAME-00001-of-00003.gguf.",
            valueName: "count"))
    var splitMaxTensors: Int?

    @Option(
        help: ArgumentHelp(
            "Most bytes of tensors in a file, with K, M or G for powers of 1000.",
            valueName: "size"))
    var splitMaxSize: String?

    @Flag(help: "Put the metadata into a first file without tensors.")
    var noTensorFirstSplit = false

    mutating func validate() throws {
        if let splitMaxTensors, splitMaxTensors < 0 {
            throw ValidationError(
                "--split-max-tensors is \(splitMaxTensors), expected a positive number")
        }
        if let splitMaxSize, ByteSize.parseDecimal(splitMaxSize) == nil {
            throw ValidationError(
                "--split-max-size is \(splitMaxSize), expected bytes or a number with K, M or G")
        }
    }

    /// Whether the user asked for several files.
    var isWanted: Bool { limit != SplitLimit() }

    /// What the user asked for; 0 is no limit.
    var limit: SplitLimit {
        func positive(_ number: Int?) -> Int? { number.flatMap { $0 > 0 ? $0 : nil } }
        return SplitLimit(
            tensorCount: positive(splitMaxTensors),
            byteCount: positive(splitMaxSize.flatMap { ByteSize.parseDecimal($0) }),
            leavesFirstEmpty: noTensorFirstSplit)
    }
}
