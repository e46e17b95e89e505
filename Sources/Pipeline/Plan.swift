public import GGUF
public import Quantization
public import TensorCore

/// What will be written, decided before any tensor is read: a format for every tensor, the reason
/// for it, the metadata, and the file's size to the byte.
public struct Plan: Sendable {
    /// A tensor of the output.
    public struct Tensor: Sendable {
        /// The tensor's number in the source's list.
        public let sourceIndex: Int
        /// The tensor as the source describes it.
        public let source: TensorDescription
        /// The format that it is written in, and why.
        public let choice: FormatChoice
        /// The weights for its columns, when there are any and its format uses them.
        public let importance: ImportanceMatrix.Entry?
        /// The bytes that it takes in the output, without padding.
        public let byteCount: Int

        /// The tensor's name.
        public var name: String { source.name }
        /// The bytes that the tensor takes in its source format.
        public var sourceByteCount: Int {
            source.format.byteCount(
                rowLength: source.shape.rowLength, rowCount: source.shape.rowCount) ?? 0
        }
        /// Whether the source's bytes are taken over as they are.
        public let isCopy: Bool
    }

    /// Where the tensors come from.
    public let source: any TensorSource
    /// The tensors in the order in which they are written.
    public let tensors: [Tensor]
    /// The metadata of the output.
    public let metadata: Metadata
    /// Header bytes and tensor places.
    public let layout: GGUFLayout
    /// The output's path.
    public private(set) var outputPath: String
    /// The recipe's name, or `nil` when every tensor is written as its source describes it.
    public let recipeName: String?
    /// What the user will not have meant or should know about the options, a sentence each.
    public internal(set) var remarks: [String] = []

    /// Plans a file.
    ///
    /// - Parameters:
    ///   - order: The source's tensors in the order in which they are written.
    ///   - choices: The format of each, in that order.
    ///   - importanceNames: The name of each of the source's tensors in the importance matrix.
    init(
        source: any TensorSource, order: [Int], choices: [FormatChoice],
        importance: ImportanceMatrix?, importanceNames: [String], metadata: Metadata,
        outputPath: String, recipeName: String?
    ) throws {
        let tensors = try order.indices.map { position in
            let description = source.tensors[order[position]]
            let choice = choices[position]
            return Tensor(
                sourceIndex: order[position], source: description, choice: choice,
                importance: choice.format == description.format
                    ? nil
                    : try Plan.importance(
                        of: description, named: importanceNames[order[position]], in: importance,
                        path: source.path),
                // What has no size is refused by the layout.
                byteCount: choice.format.byteCount(
                    rowLength: description.shape.rowLength, rowCount: description.shape.rowCount)
                    ?? 0,
                isCopy: choice.format == description.format
                    && source.holdsBytes(ofTensor: order[position]))
        }
        for tensor in tensors where !tensor.isCopy {
            guard tensor.choice.format.encode != nil else {
                throw PipelineError(
                    .notWritable(format: tensor.choice.format.name), path: source.path,
                    place: tensor.name)
            }
            guard tensor.source.format.decode != nil else {
                throw PipelineError(
                    .notReadable(format: tensor.source.format.name), path: source.path,
                    place: tensor.name)
            }
        }
        try self.init(
            source: source, tensors: tensors, metadata: metadata, outputPath: outputPath,
            recipeName: recipeName)
    }

    /// Plans a file of tensors whose formats are chosen.
    init(
        source: any TensorSource, tensors: [Tensor], metadata: Metadata, outputPath: String,
        recipeName: String?
    ) throws {
        if let existing = FileIdentity(path: outputPath),
            source.files.contains(where: { $0.identity.isSameFile(as: existing) })
        {
            throw PipelineError(.inPlace, path: outputPath)
        }
        let alignment = metadata["general.alignment"]?.integer ?? 32
        guard alignment > 0, alignment.nonzeroBitCount == 1 else {
            throw PipelineError(
                .metadata(
                    key: "general.alignment", found: "\(alignment)", expected: "a power of two"),
                path: source.path)
        }
        layout = try GGUFLayout(
            metadata: metadata,
            tensors: tensors.map {
                TensorDescription(
                    // The peer's quantizer, unlike its converter, writes a matrix of one row as a
                    // vector.
                    name: $0.name,
                    shape: recipeName == nil ? $0.source.shape : $0.source.shape.withoutOnes,
                    format: $0.choice.format)
            },
            alignment: alignment,
            // A vocabulary by itself has no data to be aligned.
            padsHeader: !tensors.isEmpty || metadata["split.count"] != nil, path: outputPath)
        self.source = source
        self.tensors = tensors
        self.metadata = metadata
        self.outputPath = outputPath
        self.recipeName = recipeName
    }

    /// The plan that writes every tensor in the format that its source describes: `convert`.
    ///
    /// - Throws: `PipelineError`, `GGUFError`.
    public static func asDescribed(_ source: any TensorSource, outputPath: String) throws -> Plan {
        let plan = try Plan(
            source: source, order: Array(source.tensors.indices),
            choices: source.tensors.map { FormatChoice($0.format, .recipe) }, importance: nil,
            importanceNames: source.tensors.map(\.name), metadata: source.metadata,
            outputPath: outputPath, recipeName: nil)
        try plan.checkForReaders()
        return plan
    }

    /// The same plan for a file of another name.
    func named(_ path: String) -> Plan {
        var plan = self
        plan.outputPath = path
        return plan
    }

    /// Throws the first thing in the file that no reader would load.
    ///
    /// Whether all keys of the family are there is not asked: that is the source's concern, and
    /// `verify` tells it.
    func checkForReaders() throws {
        // A part of a split is no model by itself.
        guard metadata["split.count"] == nil else { return }
        let faults = ReaderRequirements(
            metadata: metadata, tensors: tensors.map(\.source), path: source.path
        ).faults(in: [.container, .vocabulary, .blocks])
        if let fault = faults.first(where: \.isFatal) { throw fault }
    }

    private static func importance(
        of tensor: TensorDescription, named name: String, in matrix: ImportanceMatrix?,
        path: String
    ) throws -> ImportanceMatrix.Entry? {
        guard let matrix, let entry = matrix[name] else { return nil }
        let shape = tensor.shape
        let matrixCount = shape.rank > 2 ? shape.dimensions.dropLast(2).reduce(1, *) : 1
        guard entry.values.count == shape.rowLength * matrixCount else {
            // Embedding rows are looked up, not multiplied: an entry under that name was made for
            // the output matrix of a tied model or for another shape, and is not for this tensor.
            if tensor.name == "token_embd.weight" { return nil }
            throw PipelineError(
                .importanceShape(
                    found: entry.values.count, expected: shape.rowLength * matrixCount,
                    matrix: matrix.path), path: path, place: tensor.name)
        }
        return entry
    }
}

extension Shape {
    /// The shape without outer dimensions of 1.
    fileprivate var withoutOnes: Shape {
        Shape(Array(dimensions.dropLast().drop { $0 == 1 }) + dimensions.suffix(1)) ?? self
    }
}
