import Architectures
public import GGUF
import Quantization
import Safetensors
import TensorCore

/// An adapter's GGUF file seen as a directory of PEFT: `adapter_config.json` and
/// `adapter_model.safetensors`.
public struct ExportedAdapter: Sendable {
    /// The number of matrices that the adapter changes.
    public let changeCount: Int
    let source: any TensorSource
    let weights: [ExportedTensor]
    let configuration: JSON

    /// Finds the names and the order that the factors have in PEFT.
    ///
    /// - Parameter base: The directory of the model that the adapter is for, which tells both;
    ///   weights need not be there.
    /// - Throws: `AdapterError`, `ArchitectureError`, `ConversionError`, `FileError`, `JSONError`.
    public init(_ source: any TensorSource, base: String) throws {
        self.source = source
        guard source.metadata["general.type"]?.text == "adapter",
            source.metadata["adapter.type"]?.text == "lora",
            let alpha = source.metadata["adapter.lora.alpha"]?.float
        else {
            throw AdapterError(
                .notExportable("no adapter with the type lora and its alpha found"),
                path: source.path)
        }
        let target = try AdapterTarget(base: base)
        let own = try target.family.architecture(of: target.configuration)
        let found = source.metadata["general.architecture"]?.text ?? ""
        guard found == own else {
            throw AdapterError(
                .notExportable("an adapter for \(found) found, the base model is \(own)"),
                path: source.path, place: "general.architecture")
        }
        var exporter = AdapterExporter(source, target)
        try exporter.run()
        weights = exporter.weights.sorted {
            $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
        changeCount = exporter.ranks.count
        configuration = try ExportedAdapter.configuration(
            exporter.ranks, alpha: alpha, base: base, target, source.metadata)
    }

    private static func configuration(
        _ ranks: [String: Int], alpha: Float, base: String, _ target: AdapterTarget,
        _ metadata: Metadata
    ) throws -> JSON {
        var counts: [Int: Int] = [:]
        for rank in ranks.values { counts[rank, default: 0] += 1 }
        let usual = counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? 0
        let modules = Set(ranks.keys.compactMap { $0.split(separator: ".").last.map(String.init) })
        let others = ranks.filter { $0.value != usual }.sorted { $0.key < $1.key }
        var members: [(String, JSON)] = [
            ("base_model_name_or_path", .string(ByteString(base))), ("bias", "none"),
            (
                "fan_in_fan_out",
                .bool(ranks.keys.contains { target.storesColumns($0 + ".weight") })
            ),
            ("inference_mode", .bool(true)),
            (
                "lora_alpha",
                Double(alpha).rounded() == Double(alpha)
                    ? .integer(Int(alpha)) : .real(Double(alpha))
            ),
            ("lora_dropout", .real(0)), ("modules_to_save", .null), ("peft_type", "LORA"),
            ("r", .integer(usual)),
            (
                "rank_pattern",
                .object(
                    others.map {
                        .init(
                            key: ByteString($0.key.replacing(".", with: "\\.")),
                            value: .integer($0.value))
                    })
            ),
            ("target_modules", .array(modules.sorted().map { .string(ByteString($0)) })),
            ("task_type", "CAUSAL_LM"), ("use_dora", .bool(false)), ("use_rslora", .bool(false)),
        ]
        if let tokens = metadata["adapter.alora.invocation_tokens"]?.integers {
            members.append(("alora_invocation_tokens", .array(tokens.map { .integer($0) })))
        }
        return .object(members.map { .init(key: ByteString($0.0), value: $0.1) })
    }

    /// Writes the directory, which appears when it is complete.
    ///
    /// Memory: one factor at a time.
    ///
    /// - Parameter path: A directory that is not there, or empty.
    /// - Returns: The bytes of the weights.
    public func write(to path: String) throws -> Int {
        let directory = try OutputDirectory(path: path)
        try OutputFile.write(configuration.written(), to: directory.file("adapter_config.json"))
        try OutputFile.write(
            Array(ModelCard.frontMatter(of: source.metadata).utf8), to: directory.file("README.md"))
        let writer = try SafetensorsWriter(
            path: directory.file("adapter_model.safetensors"),
            tensors: weights.map {
                .init(name: $0.name, dataType: $0.dataType ?? .F32, shape: $0.shape)
            }, metadata: [("format", "pt")])
        var byteCount = 0
        for (number, weight) in weights.enumerated() {
            let count = weight.shape.elementCount
            let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
            defer { floats.deallocate() }
            guard let base = floats.baseAddress, let format = weight.format else { continue }
            try weight.readFloats(0..<count, into: base, scratch: ScratchBuffer())
            let bytes = UnsafeMutableRawBufferPointer.allocate(
                byteCount: count * format.blockByteCount, alignment: 64)
            defer { bytes.deallocate() }
            guard let destination = bytes.baseAddress else { continue }
            if format == .F32 {
                destination.copyMemory(from: base, byteCount: bytes.count)
            } else {
                format.encode?(base, 1, count, nil, destination)
            }
            try writer.write(UnsafeRawBufferPointer(bytes), tensor: number)
            byteCount += bytes.count
        }
        try writer.finish()
        try directory.commit()
        return byteCount
    }
}

/// Turns the rules round for the factors of an adapter's file.
private struct AdapterExporter {
    let source: any TensorSource
    let target: AdapterTarget
    private(set) var weights: [ExportedTensor] = []
    /// The rank of each module's change.
    private(set) var ranks: [String: Int] = [:]
    private var numbers: [String: Int] = [:]

    init(_ source: any TensorSource, _ target: AdapterTarget) {
        self.source = source
        self.target = target
        for (number, tensor) in source.tensors.enumerated() { numbers[tensor.name] = number }
    }

    mutating func run() throws {
        let blockCount = try target.configuration.blockCount()
        for rule in target.family.tensors.rules where !rule.outputs.isEmpty {
            for block in 0..<(rule.isPerBlock ? blockCount : 1) {
                guard try rule.condition.holds(target.configuration, block) else { continue }
                for output in rule.outputs { try export(output, of: rule, block: block) }
            }
        }
        guard let left = numbers.keys.min() else { return }
        throw AdapterError(
            .notExportable("a tensor found that no checkpoint of this base has"),
            path: source.path, place: left)
    }

    private mutating func export(
        _ output: TensorRule.Output, of rule: TensorRule, block: Int
    ) throws {
        let name = output.name.name(block: block)
        guard case .parts(let parts, let change) = output.values, parts.count == 1 else { return }
        let kind = rule.sources[parts[0].source]
        let isOnly =
            rule.outputs.count { other in
                if case .parts(let others, _) = other.values {
                    return others.contains { $0.source == parts[0].source }
                }
                return true
            } == 1
        guard isOnly, let sizes = try kind.shape?.map({ try $0.size(in: target.configuration) }),
            let shape = Shape(sizes),
            let view = try parts[0].view.map({
                try StridedView($0, of: shape, in: target.configuration)
            }) ?? StridedView(elementCount: shape.elementCount)
        else { return }
        if let number = numbers[name],
            source.tensors[number].shape.elementCount == shape.elementCount,
            let inverse = view.inverted(of: shape.elementCount, from: 0)
        {
            numbers[name] = nil
            try add(kind, block, 0, "", shape, inverse, number, change)
            return
        }
        for factor in parts[0].factors where try factor.value(in: target.configuration) != 1 {
            throw AdapterError(
                .notExportable("a matrix that the configuration scales found"), path: source.path,
                place: name)
        }
        guard let a = numbers[name + ".lora_a"], let b = numbers[name + ".lora_b"],
            shape.rank == 2
        else { return }
        let rank = source.tensors[b].shape.rowLength
        let count = try kind.count.size(in: target.configuration)
        let (rows, columns) = (shape.dimensions[0], shape.dimensions[1])
        let isEmbedding = name == "token_embd.weight"
        let isTransposed = view.axes.count == 2 && view.axes[0].stride == 1
        let (aRows, bRows) = isTransposed ? (columns, rows) : (rows, columns)
        guard let aShape = Shape([rank, isEmbedding ? rows : bRows]),
            let bShape = Shape([isEmbedding ? columns : aRows, rank]),
            source.tensors[a].shape.elementCount == count * aShape.elementCount,
            source.tensors[b].shape.elementCount == count * bShape.elementCount,
            let rowView = isTransposed
                ? StridedView(elementCount: bShape.elementCount)
                : view.ofRows(from: columns, to: rank)
        else { return }
        numbers[name + ".lora_a"] = nil
        numbers[name + ".lora_b"] = nil
        let byToken = StridedView(
            axes: [.init(count: rows, stride: 1), .init(count: rank, stride: rows)], offset: 0)
        let aView = isEmbedding ? byToken : StridedView(elementCount: aShape.elementCount)
        let bView = isEmbedding ? StridedView(elementCount: bShape.elementCount) : rowView
        for expert in 0..<count {
            guard
                let aInverse = aView.inverted(
                    of: aShape.elementCount, from: expert * aShape.elementCount),
                let bInverse = bView.inverted(
                    of: bShape.elementCount, from: expert * bShape.elementCount)
            else { continue }
            let endings =
                isEmbedding
                ? (".lora_embedding_A", ".lora_embedding_B") : (".lora_A.weight", ".lora_B.weight")
            try add(kind, block, expert, endings.0, aShape, aInverse, a, .none)
            try add(kind, block, expert, endings.1, bShape, bInverse, b, .none)
            let module = try moduleName(kind, block, expert)
            ranks[module] = rank
        }
    }

    private func moduleName(
        _ kind: TensorRule.Source, _ block: Int, _ expert: Int
    ) throws -> String {
        let name = try target.family.checkpointName(
            of: kind.pattern.name(block: block, expert: "\(expert)"), in: target.configuration)
        return name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name
    }

    private mutating func add(
        _ kind: TensorRule.Source, _ block: Int, _ expert: Int, _ ending: String, _ shape: Shape,
        _ inverse: (period: Int, range: Range<Int>, view: StridedView), _ tensor: Int,
        _ change: ValueChange
    ) throws {
        let type = ExportedCheckpoint.WeightType.auto.dataType(of: source.tensors[tensor].format)
        let name = try moduleName(kind, block, expert) + (ending.isEmpty ? ".weight" : ending)
        weights.append(
            ExportedTensor(
                name: "base_model.model." + name, shape: shape, path: source.path, dataType: type,
                windows: [
                    ExportWindow(
                        range: inverse.range, view: inverse.view, source: source, tensor: tensor,
                        change: change, inHalves: type == .F16)
                ], period: inverse.period, inexactCount: 0))
    }
}
