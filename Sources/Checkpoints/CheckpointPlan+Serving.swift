import Conversion
import GGUF
public import Planning
import Quantization
import Safetensors
import TensorCore

extension CheckpointPlan {
    /// The model as a plan of serving sees it: every byte where a step reads it.
    ///
    /// - Throws: `PlanningError`.
    func planned() throws(PlanningError) -> PlannedModel {
        var counts = [Int](repeating: 0, count: model.conversion.tensors.count)
        var rest = 0
        for tensor in tensors {
            let place: Int? =
                switch tensor.origin {
                case .carried(let values): model.places[values.name]?.first?.tensor
                case .part(let matrix, _): matrices[matrix].linear.place.tensor
                case .cacheScale: nil
                }
            if let place { counts[place] += tensor.byteCount } else { rest += tensor.byteCount }
        }
        return try PlannedModel(model.conversion, byteCounts: counts, otherByteCount: rest)
    }
}

/// A model whose types of directories for GPU engines are planned, with nothing written.
public struct CheckpointLadder: Sendable {
    private enum Model: Sendable {
        case weights(CheckpointModel)
        case configuration(any TensorSource)
    }

    private let model: Model
    private let path: String
    private let origin: String

    /// Opens the model that is at a place.
    ///
    /// - Throws: What `CheckpointModel` throws.
    public init(_ place: ModelAtPath) throws {
        path = place.path
        origin =
            place.kind == .configuration
            ? place.writtenOrigin : "exact: what ingot quantize would write"
        model =
            switch place.kind {
            case .gguf: .weights(try CheckpointModel(gguf: place.source))
            case .directory: .weights(try CheckpointModel(directory: place.path))
            case .configuration: .configuration(place.source)
            }
    }

    /// The model in a form.
    ///
    /// - Parameters:
    ///   - type: What the user calls it: `W4A16_G64`.
    ///   - scope: What shares a scale instead of the form's own.
    /// - Throws: `CheckpointError` when the form has no place for the model, `PlanningError`.
    public func typed(
        _ type: String, form: CheckpointForm, scope: WeightGrid.Scope?
    ) throws -> ModelAtPath.TypedModel {
        let planned: PlannedModel
        switch model {
        case .weights(let model):
            var options = CheckpointPlan.Options()
            options.scope = scope
            // What quantized tensors have lost changes no byte of what they become.
            options.allowsRequantization = true
            planned = try CheckpointPlan(model, form: form, options: options).planned()
        case .configuration(let source):
            planned = try CheckpointLadder.planned(source, form, scope, path: path)
        }
        return ModelAtPath.TypedModel(
            type: type, model: planned, needsImportance: form.needsActivations,
            weightsFrom: origin, checkpoint: form.servedType)
    }

    /// A model without weights, by the tensors that GGUF would have of it: matrices of blocks in the
    /// form, the rest in 16 bits.
    private static func planned(
        _ source: any TensorSource, _ form: CheckpointForm, _ scope: WeightGrid.Scope?, path: String
    ) throws -> PlannedModel {
        let grid = form.grid(modelType: .bf16, scope: scope)
        let counts = try source.tensors.map { tensor in
            let shape = tensor.shape
            guard CheckpointModel.isLinear(tensor), shape.rank >= 2 else {
                return shape.elementCount.multiplied(checkedBy: 2)
            }
            let (rows, columns) = (shape.dimensions[shape.rank - 2], shape.rowLength)
            if case .group(let size) = grid.scope, columns % size != 0 {
                throw CheckpointError(
                    .rows(columns: columns, group: size, form: form.name), path: path,
                    place: tensor.name)
            }
            let matrix = MatrixShape(rows: rows, columns: columns, grid: grid)
            var bytes = 0
            for part in form.layout.parts {
                guard let shape = Shape(part.shape(matrix)),
                    let count = (part.dataType ?? grid.scale.dataType)
                        .byteCount(elementCount: shape.elementCount),
                    let sum = bytes.adding(checked: count)
                else { return nil }
                bytes = sum
            }
            // Experts are matrices of their own.
            return bytes.multiplied(checkedBy: shape.rowCount / max(1, rows))
        }
        return try PlannedModel(
            source,
            byteCounts: counts.map { count in
                guard let count else { throw PlanningError(.tooLarge, file: path) }
                return count
            }, otherByteCount: 0)
    }
}

extension CheckpointForm {
    /// The types that people are advised to take, among those of as many bits.
    private static let usual = ["FP8_DYNAMIC", "W8A8", "NVFP4", "W4A16", "W8A16", "GPTQ", "AWQ"]

    /// The types for which an engine has kernels on processors.
    private static let onProcessors = ["W4A16", "W8A8", "FP8_DYNAMIC", "GPTQ", "AWQ"]

    /// The form as engines and devices decide about it.
    public var servedType: CheckpointType { servedType(isStored: false) }

    func servedType(isStored: Bool) -> CheckpointType {
        var kinds: Set<Device.Kind> = [.nvidia]
        // NVFP4 is NVIDIA's alone.
        if !grid.hasGlobalScale { kinds.insert(.amd) }
        if CheckpointForm.onProcessors.contains(name) { kinds.insert(.cpu) }
        return CheckpointType(
            engines: engines.split(separator: ",").map {
                String($0.drop { $0 == " " })
            },
            leastCapability: leastGPU.fallback ?? leastGPU.capability,
            fullCapability: leastGPU.capability, deviceKinds: kinds,
            nominalBits: Double(grid.bits),
            place: CheckpointForm.usual.firstIndex(of: name) ?? CheckpointForm.usual.count,
            isStored: isStored)
    }

    /// The form and group by the name that reports give a directory's type: `W4A16 g128`.
    public static func reported(
        _ name: String
    ) -> (form: CheckpointForm, scope: WeightGrid.Scope?)? {
        let words = name.split(separator: " ").map { $0.uppercased() }
        guard let first = words.first, words.count <= 2 else { return nil }
        return words.count == 2 ? named("\(first)_\(words[1])") : named(first)
    }
}
