import Conversion
import GGUF
import Quantization
public import Safetensors
public import TensorCore

/// What a directory will hold: every tensor with its type and shape, and where it comes from.
public struct CheckpointPlan: Sendable {
    /// What the user asked for.
    public struct Options: Sendable {
        /// What shares a scale instead of the form's own.
        public var scope: WeightGrid.Scope?
        /// Patterns of layers that are left alone.
        public var ignored: [String] = []
        /// Whether the KV cache gets scales.
        public var hasCacheScales = false
        /// Whether quantized tensors of a GGUF file are quantized again.
        public var allowsRequantization = false

        /// Nothing special.
        public init() {}
    }

    /// A tensor of the directory.
    public struct Tensor: Sendable {
        /// Its name.
        public let name: String
        /// Its type.
        public let dataType: DataType
        /// Outermost dimension first.
        public let shape: Shape
        /// Bytes.
        public let byteCount: Int
        let origin: Origin
        /// Whether it is a part of a quantized layer.
        public var isQuantized: Bool { if case .part = origin { true } else { false } }
    }

    /// Where a tensor's bytes come from.
    enum Origin: Sendable {
        case carried(any ReadableTensor)
        case part(matrix: Int, part: Int)
        /// The scale of a block's keys or values.
        case cacheScale(block: Int, isKey: Bool)
    }

    /// A matrix and what it becomes.
    struct Matrix: Sendable {
        let linear: LinearMatrix
        let shape: MatrixShape
        /// The numbers of its tensors.
        var tensors: [Int] = []
    }

    /// The form.
    public let form: CheckpointForm
    /// The grid, with the model's type and the user's groups.
    public let grid: WeightGrid
    /// The model.
    public let model: CheckpointModel
    /// The tensors, in the order of the model's.
    public let tensors: [Tensor]
    /// The linear layers that are left alone.
    public let ignored: [String]
    /// What the user asked for.
    public let options: Options
    /// Patterns of layers to be left alone that occur in no name.
    public let unmatchedPatterns: [String]
    let matrices: [Matrix]

    /// Whether there are scales that nothing but a text tells.
    public var needsText: Bool { form.needsActivations || options.hasCacheScales }
    /// The number of layers that are quantized.
    public var matrixCount: Int { matrices.count }
    /// The bytes of all tensors.
    public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }
    /// The values of the quantized matrices.
    public var quantizedElementCount: Int {
        matrices.reduce(0) { $0 + $1.linear.rows * $1.linear.columns }
    }

    /// Plans; nothing is read.
    ///
    /// - Throws: `CheckpointError` with the tensor, the rule and the way out.
    public init(
        _ model: CheckpointModel, form: CheckpointForm, options: Options = Options()
    ) throws {
        if options.scope != nil, !form.takesGroupSize {
            throw CheckpointError(
                .groupSize(options.scope?.word ?? "", form: form.name),
                path: model.path)
        }
        if options.hasCacheScales, !form.takesCacheScales {
            throw CheckpointError(.noPlaceForCacheScales(form: form.name), path: model.path)
        }
        let grid = form.grid(
            modelType: model.dataType == .F16 ? .f16 : .bf16, scope: options.scope)
        let patterns = try options.ignored.map { try NamePattern($0) }
        var builder = Builder(model: model, form: form, grid: grid, options: options)
        let (parts, unmatched) = try model.parts(
            ignoring: patterns, observedOnly: form.needsActivations)
        for part in parts { try builder.add(part) }
        try builder.checkPartners()
        if options.hasCacheScales { try builder.addCacheScales() }
        guard !builder.matrices.isEmpty else {
            throw CheckpointError(.nothingToQuantize, path: model.path)
        }
        self.model = model
        self.form = form
        self.grid = grid
        self.options = options
        unmatchedPatterns = unmatched.map(\.source)
        tensors = builder.tensors
        matrices = builder.matrices
        // Tied to the embeddings it has no tensor, and engines make a layer of it all the same.
        ignored = builder.ignored + (builder.ignored.contains("lm_head") ? [] : ["lm_head"])
    }

    /// The layers that are left alone, those of all blocks as one.
    public var ignoredSummary: String { QuantizedModelCard.summary(ignored) }

    /// What goes into the configuration's files.
    var configuration: CheckpointConfiguration {
        form.configuration(
            ConfigurationRequest(
                grid: grid, ignored: ignored, towers: towers,
                hasCacheScales: options.hasCacheScales))
    }

    /// The parts of the model, by their names in it, that have linear layers and no quantized one.
    private var towers: [String] {
        func part(_ module: String) -> String? {
            let names = module.split(separator: ".").drop { $0 == "model" }
            return names.count > 1 ? names.first.map(String.init) : nil
        }
        let quantized = Set(matrices.compactMap { part($0.linear.module) })
        return Set(ignored.compactMap(part)).subtracting(quantized).sorted()
    }
}

/// Puts a plan together.
private struct Builder {
    let model: CheckpointModel
    let form: CheckpointForm
    let grid: WeightGrid
    let options: CheckpointPlan.Options
    var tensors: [CheckpointPlan.Tensor] = []
    var matrices: [CheckpointPlan.Matrix] = []
    var ignored: [String] = []

    mutating func add(_ part: CheckpointModel.Part) throws {
        switch part {
        case .carried(let tensor):
            try append(
                tensor.name, tensor.dataType ?? model.dataType, tensor.shape.dimensions,
                .carried(tensor))
            guard tensor.shape.rank == 2, tensor.name.hasSuffix(".weight"), !isLookedUp(tensor.name)
            else { return }
            ignored.append(String(tensor.name.dropLast(".weight".count)))
        case .quantized(let found):
            for linear in found { try add(linear) }
        }
    }

    /// Whether a tensor is a table of embeddings.
    private func isLookedUp(_ name: String) -> Bool {
        (model.places[name] ?? []).contains {
            ["token_embd.weight", "position_embd.weight", "token_types.weight"].contains(
                model.conversion.tensors[$0.tensor].name)
        }
    }

    private mutating func add(_ linear: LinearMatrix) throws {
        try check(linear)
        let shape = MatrixShape(rows: linear.rows, columns: linear.columns, grid: grid)
        var matrix = CheckpointPlan.Matrix(linear: linear, shape: shape)
        for (number, part) in form.layout.parts.enumerated() {
            matrix.tensors.append(tensors.count)
            let scaleType = grid.scale.dataType
            try append(
                linear.module + part.suffix, part.dataType ?? scaleType, part.shape(shape),
                .part(matrix: matrices.count, part: number))
        }
        matrices.append(matrix)
    }

    private mutating func append(
        _ name: String, _ dataType: DataType, _ dimensions: [Int], _ origin: CheckpointPlan.Origin
    ) throws {
        guard let shape = Shape(dimensions),
            let byteCount = dataType.byteCount(elementCount: shape.elementCount)
        else {
            throw SafetensorsError(.invalidShape("\(dimensions)"), path: model.path, place: name)
        }
        tensors.append(
            .init(
                name: name, dataType: dataType, shape: shape, byteCount: byteCount, origin: origin))
    }

    /// Refuses layers that are left alone beside quantized ones with which engines put them together.
    func checkPartners() throws {
        var quantized: [String: String] = [:]
        for matrix in matrices {
            for key in LinearMatrix.partnerships(of: matrix.linear.module) {
                quantized[key] = matrix.linear.module
            }
        }
        for module in ignored {
            guard
                let partner = LinearMatrix.partnerships(of: module).compactMap({ quantized[$0] })
                    .first
            else { continue }
            throw CheckpointError(
                .partner(partner), path: model.path, place: module + ".weight")
        }
    }

    /// Refuses what the layout or the engines have no place for.
    private func check(_ linear: LinearMatrix) throws {
        func fault(_ kind: CheckpointError.Kind) -> CheckpointError {
            CheckpointError(kind, path: model.path, place: linear.module + ".weight")
        }
        let place = model.conversion.tensors[linear.place.tensor].shape
        if case .tensor = linear.values, place.rowLength != linear.columns,
            place.rowCount == linear.columns, place.rowLength == linear.rows
        {
            throw fault(.transposed)
        }
        let alignment = form.alignment
        if case .group(let size) = grid.scope, linear.columns % size != 0 {
            throw fault(.rows(columns: linear.columns, group: size, form: form.name))
        }
        for (count, step, what) in [
            (linear.rows, alignment.rows, "rows"), (linear.columns, alignment.columns, "columns"),
            (
                linear.isBeforeOthers ? linear.rows : 0, alignment.fusedRows,
                "rows"
            ),
        ] where count % step != 0 {
            throw fault(
                .alignment(
                    found: "\(count) \(what)", expected: "a multiple of \(step)",
                    reason: alignment.reason, form: form.name))
        }
        if linear.isExpert, let reason = form.expertFault {
            throw fault(.experts(form: form.name, reason: reason))
        }
        if linear.isExpert, case .rows = linear.values,
            model.conversion.tensors.contains(where: { $0.name.hasSuffix("_exps.bias") })
        {
            throw fault(.expertBiases)
        }
        if !options.allowsRequantization, let format = model.quantizedFormats[linear.place.tensor] {
            throw fault(.requantized(format.name))
        }
    }

    /// A scale for the keys and one for the values of every block.
    mutating func addCacheScales() throws {
        let source = model.conversion
        let blocks = CacheRanges.blocks(of: source)
        for block in blocks {
            for isKey in [true, false] {
                let name = "blk.\(block).attn_\(isKey ? "k" : "v").weight"
                guard let number = source.tensors.firstIndex(where: { $0.name == name }),
                    let module = source.parts(ofTensor: number).first?.name,
                    let dot = module.dropLast(".weight".count).lastIndex(of: ".")
                else { continue }
                try append(
                    form.cacheScaleName(
                        parent: String(module[..<dot]),
                        projection: String(module.dropLast(".weight".count)), isKey: isKey),
                    form.cacheScaleType ?? grid.scale.floatType, form.cacheScaleShape,
                    .cacheScale(block: block, isKey: isKey))
            }
        }
        guard !blocks.isEmpty else {
            throw CheckpointError(
                .noCacheScales("a mechanism without keys and values of its own"), path: model.path)
        }
    }
}
