public import TensorCore

/// A fault in a safetensors file, in the index of a sharded checkpoint, or between the two.
public struct SafetensorsError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// Fewer than the eight bytes that hold the header's length.
        case tooShort(byteCount: Int)
        /// A header longer than any real file has.
        case headerTooLong(byteCount: UInt64, limit: Int)
        /// The file ends inside the header.
        case headerTruncated(byteCount: Int, available: Int)
        /// The header or the index is not JSON.
        case malformedJSON(JSONError)
        /// JSON of another form than the format asks for.
        case malformedHeader(found: String, expected: String)
        /// An element type that the format does not define.
        case unknownDataType(String)
        /// An element type other than the one that is wanted.
        case wrongDataType(found: DataType, expected: String)
        /// Dimensions that are negative or whose product overflows.
        case invalidShape(String)
        /// The data range does not hold exactly the shape's elements.
        case byteCountMismatch(found: Int, expected: Int)
        /// A data range that is reversed or negative.
        case invalidRange(start: Int, end: Int)
        /// Two tensors share bytes.
        case overlap(with: String)
        /// Bytes between two tensors that belong to none.
        case gap(byteCount: Int)
        /// The file ends before the data that its header announces.
        case truncated(byteCount: Int, available: Int)
        /// Bytes after the last tensor.
        case trailingBytes(count: Int)
        /// The index is not one.
        case malformedIndex(found: String, expected: String)
        /// A shard's name in the index leads out of the directory or is none.
        case unsafeShardName(String)
        /// A file that belongs to the checkpoint is not there.
        case missingShard(String)
        /// The index places a tensor in a shard that does not have it.
        case tensorNotInShard(shard: String)
        /// A shard has a tensor that the index does not place there.
        case tensorNotInIndex(shard: String)
        /// A tensor is in another shard than the one where the index places it.
        case tensorInWrongShard(found: String, indexed: String)
        /// Two shards have a tensor of this name.
        case duplicateTensor(first: String, second: String)
        /// A directory without weights.
        case noWeights
        /// Files that cannot be taken for the model's weights.
        case weightFiles(WeightFilesFault)
        /// A directory with pickled weights only.
        case pickledWeights([String])
        /// A directory that holds an adapter (LoRA) and not a model.
        case adapterOnly(base: String?)
        /// A method of quantization that is not undone here.
        case unsupportedQuantization(found: String, supported: [String])
        /// Weights are quantized, and no file says by which method.
        case undescribedQuantization(String)
        /// Weights are quantized by another method than the configuration says.
        case otherQuantization(found: String, said: String)
        /// The configuration of a quantization method says something else than it may.
        case malformedQuantization(found: String, expected: String)
        /// A tensor that belongs to this one is not there.
        case missingCompanion(String)
        /// A scale of a whole tensor that would make weights no model has, as its inverse would not.
        case inverseScale(found: String, isDivisor: Bool)
        /// Zero points that are all one off from what symmetric codes have.
        case shiftedZeroPoints(found: Int, expected: Int, remedy: String)
        /// A tensor of another shape than what it belongs to asks for.
        case wrongShape(found: Shape, expected: String)
        /// A column in a group that does not exist.
        case groupOutOfRange(Int, column: Int, groupCount: Int)
    }

    /// What is wrong.
    public let kind: Kind
    /// The file or directory.
    public let path: String
    /// The tensor's name or the byte offset.
    public let place: String?

    /// Creates an error about `path`.
    public init(_ kind: Kind, path: String, place: String? = nil) {
        self.kind = kind
        self.path = path
        self.place = place
    }

    /// The file or directory.
    public var file: String? { path }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .tooShort(let count):
            "\(count) bytes found, a safetensors file has at least 8"
        case .headerTooLong(let count, let limit):
            "a header of \(count) bytes found, at most \(limit) expected"
        case .headerTruncated(let count, let available):
            "file ends too early: the header takes \(count) bytes, \(available) are left"
        case .malformedJSON(let error): "not sound JSON: \(error.problem)"
        case .malformedHeader(let found, let expected), .malformedIndex(let found, let expected):
            "found \(found), expected \(expected)"
        case .unknownDataType(let name): "the data type \"\(name)\" is not known"
        case .wrongDataType(let found, let expected):
            "data type \(found.rawValue) found, expected \(expected)"
        case .invalidShape(let shape):
            "shape \(shape) found, expected non-negative dimensions with a product below 2^63"
        case .byteCountMismatch(let found, let expected):
            "\(found) bytes of data found, the shape and data type take \(expected)"
        case .invalidRange(let start, let end):
            "data from \(start) to \(end) found, expected 0 <= start <= end"
        case .overlap(let other): "its data overlaps that of \(other)"
        case .gap(let count): "\(count) bytes before its data belong to no tensor"
        case .truncated(let count, let available):
            "file ends too early: \(count) bytes of data expected, \(available) found"
        case .trailingBytes(let count): "\(count) bytes after the last tensor belong to none"
        case .unsafeShardName(let name):
            "the index names the file \"\(name)\", expected a file name without a path"
        case .missingShard(let name): "the file \(name) of this checkpoint is missing"
        case .tensorNotInShard(let shard): "the index places it in \(shard), which does not have it"
        case .tensorNotInIndex(let shard): "\(shard) has it, the index does not place it there"
        case .tensorInWrongShard(let found, let indexed):
            "the index places it in \(indexed), it is in \(found)"
        case .duplicateTensor(let first, let second): "both \(first) and \(second) have it"
        case .noWeights: "no safetensors file found in this directory"
        case .weightFiles(let fault): fault.problem
        case .adapterOnly(let base):
            "only an adapter (LoRA) found, which is a change to a model"
                + (base.map { " (\($0))" } ?? "") + ", expected the model's weights"
        case .unsupportedQuantization(let found, let supported):
            "the weights are quantized by the method \(found), expected none or one of "
                + supported.joined(separator: ", ")
        case .undescribedQuantization(let form):
            "a quantized weight (\(form)) found, and no quantization_config that says how"
        case .otherQuantization(let form, let said):
            "a weight quantized by \(form) found, which \(said) does not describe"
        case .malformedQuantization(let found, let expected):
            "\(found) found, expected \(expected)"
        case .missingCompanion(let name): "it is quantized and needs \(name), which is missing"
        case .inverseScale(let found, let isDivisor):
            "\(found) found, by which weights are \(isDivisor ? "divided" : "multiplied") and would "
                + "be larger than any model's, expected its inverse"
        case .shiftedZeroPoints(let found, let expected, _):
            "zero points of \(found) found, symmetric codes have \(expected)"
        case .wrongShape(let found, let expected): "shape \(found) found, expected \(expected)"
        case .groupOutOfRange(let group, let column, let count):
            "column \(column) is in group \(group), expected a number below \(count)"
        case .pickledWeights(let names):
            "only pickled weights found (\(names.prefix(3).joined(separator: ", "))): reading a "
                + "pickle can run any program that its author put in, so they are not read"
        }
    }
    /// What the user can do.
    public var remedy: String? {
        switch kind {
        case .tooShort, .headerTruncated, .truncated: "The file is incomplete; fetch it again."
        case .weightFiles(let fault): fault.remedy
        case .missingShard: "Fetch all files of the checkpoint into one directory."
        case .tensorNotInShard, .tensorNotInIndex, .tensorInWrongShard, .duplicateTensor:
            "The files are of different versions of the model; fetch all of them again."
        case .pickledWeights:
            "Fetch the model's safetensors files, or, if you trust its author, make them: python -c "
                + "\"from transformers import AutoModelForCausalLM as M; "
                + "M.from_pretrained('\(path)').save_pretrained('\(path)')\""
        case .adapterOnly(let base):
            "Merge it first: python -c \"from peft import AutoPeftModelForCausalLM as M; "
                + "M.from_pretrained('\(path)').merge_and_unload().save_pretrained('merged')\""
                + (base == nil ? "" : " (loads the base model), and add the base model's tokenizer")
                + "."
        case .undescribedQuantization:
            "Fetch all files of the checkpoint, or convert the model that it was quantized from."
        case .unsupportedQuantization, .otherQuantization:
            "Convert the model that it was quantized from."
        case .inverseScale(_, let isDivisor):
            isDivisor
                ? "compressed-tensors stores 2688 / amax; a checkpoint of ModelOpt has the "
                    + "quant_method modelopt."
                : "ModelOpt stores amax / 2688; a checkpoint of compressed-tensors has the "
                    + "quant_method compressed-tensors."
        case .shiftedZeroPoints(_, _, let remedy): remedy
        case .missingCompanion: "The checkpoint is incomplete; fetch all of its files again."
        case .noWeights:
            "Name the directory that holds config.json and model.safetensors."
        default: nil
        }
    }
    /// Always bad data: reading itself fails with a `FileError`.
    public var exitCode: ExitCode { .badData }
}
