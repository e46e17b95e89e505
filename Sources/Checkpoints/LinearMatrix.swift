import Conversion
import GGUF
import Quantization
import Safetensors
import TensorCore

/// A linear layer's matrix that is quantized.
struct LinearMatrix: Sendable {
    /// Where the values come from.
    enum Values: Sendable {
        /// A tensor of the checkpoint.
        case tensor(any ReadableTensor)
        /// Rows of a tensor of the GGUF view: an expert of a stack.
        case rows(tensor: Int, first: Int)
    }

    /// The module's name: `model.layers.0.mlp.up_proj`.
    let module: String
    let rows: Int
    let columns: Int
    let values: Values
    /// Where its input is observed.
    let place: CheckpointModel.Place
    let isExpert: Bool

    /// Reads rows.
    func read(
        _ range: Range<Int>, of model: CheckpointModel,
        into destination: UnsafeMutablePointer<Float>, scratch: ScratchBuffer
    ) throws {
        switch values {
        case .tensor(let tensor):
            try tensor.readFloats(
                range.lowerBound * columns..<range.upperBound * columns, into: destination,
                scratch: scratch)
        case .rows(let tensor, let first):
            try model.conversion.readRows(
                first + range.lowerBound..<first + range.upperBound, ofTensor: tensor,
                into: destination, scratch: scratch)
        }
        for index in 0..<range.count * columns where !destination[index].isFinite {
            throw CheckpointError(
                .notFinite(row: range.lowerBound + index / columns, column: index % columns),
                path: model.path, place: module + ".weight")
        }
    }

    /// What the matrices that engines put together with this one have in common; the module's own name
    /// where there are none.
    var fusion: String { LinearMatrix.fusion(of: module) }

    private static func fusion(of module: String) -> String {
        let (parent, name) = parentAndName(module)
        guard let number = LinearMatrix.fused.firstIndex(where: { $0.contains(name) }) else {
            return module
        }
        return "\(parent).{\(LinearMatrix.fused[number].joined(separator: ","))}"
    }

    /// What a module has in common with those that engines quantize together with it, or not at all:
    /// those that are put together, and the experts of a layer.
    static func partnerships(of module: String) -> [String] {
        let experts = module.firstRange(of: ".experts.").map {
            "\(module[..<$0.lowerBound]).experts"
        }
        let key = fusion(of: module)
        return (key == module ? [] : [key]) + (experts.map { [$0] } ?? [])
    }

    /// Whether another matrix is put behind this one.
    var isBeforeOthers: Bool {
        let name = LinearMatrix.parentAndName(module).name
        return LinearMatrix.fused.contains { $0.dropLast().contains(name) }
    }

    private static func parentAndName(_ module: String) -> (parent: String, name: String) {
        guard let dot = module.lastIndex(of: ".") else { return ("", module) }
        return (String(module[..<dot]), String(module[module.index(after: dot)...]))
    }

    /// The layers that engines put together, in their order.
    ///
    /// Source: `packed_modules_mapping` of the classes under `model_executor/models` of
    /// <https://github.com/vllm-project/vllm>.
    private static let fused = [
        // The last is BailingMoe 3's, whose linear attention has its gate in the same matrix.
        ["q_proj", "k_proj", "v_proj", "b_proj"], ["gate_proj", "up_proj"], ["w1", "w3"],
        ["q_a_proj", "kv_a_proj_with_mqa"], ["c_fc_0", "c_fc_1"],
        // Qwen 3.5's linear attention.
        ["in_proj_qkv", "in_proj_z"], ["in_proj_b", "in_proj_a"],
    ]
}

extension CheckpointModel {
    /// What becomes of a tensor.
    enum Part {
        case carried(any ReadableTensor)
        case quantized([LinearMatrix])
    }

    /// Tells linear layers inside the blocks from what stays as it is.
    ///
    /// - Parameters:
    ///   - ignored: Patterns of modules that are left alone.
    ///   - observedOnly: Whether blocks that predict further tokens are left alone.
    /// - Returns: What becomes of each tensor, and the patterns that occur in no name.
    func parts(
        ignoring ignored: [NamePattern], observedOnly: Bool
    ) throws -> (parts: [Part], unmatched: [NamePattern]) {
        var matched: Set<Int> = []
        let end = observedOnly ? conversion.firstPredictor : .max
        let parts = try tensors.map { tensor -> Part in
            let module =
                tensor.name.hasSuffix(".weight") ? String(tensor.name.dropLast(7)) : tensor.name
            let found = try ignored.indices.filter {
                try ignored[$0].occurs(in: tensor.name) || ignored[$0].occurs(in: module)
            }
            matched.formUnion(found)
            guard found.isEmpty, let matrices = matrices(of: tensor), let first = matrices.first,
                block(of: first) ?? 0 < end
            else { return .carried(tensor) }
            return .quantized(matrices)
        }
        return (parts, ignored.indices.filter { !matched.contains($0) }.map { ignored[$0] })
    }

    private func block(of linear: LinearMatrix) -> Int? {
        ConversionSource.block(of: conversion.tensors[linear.place.tensor].name)
    }

    /// The matrices in a tensor that is a linear layer of a block; `nil` for others.
    private func matrices(of tensor: any ReadableTensor) -> [LinearMatrix]? {
        let found = places[tensor.name] ?? []
        guard let place = found.first(where: { isLinear($0.tensor) }) else { return nil }
        let dimensions = tensor.shape.dimensions
        if tensor.shape.rank == 2, tensor.name.hasSuffix(".weight"), dimensions[1] > 1 {
            let columns = dimensions[1]
            let observed = found.first { conversion.tensors[$0.tensor].shape.rowLength == columns }
            return [
                LinearMatrix(
                    module: String(tensor.name.dropLast(".weight".count)), rows: dimensions[0],
                    columns: columns, values: .tensor(tensor), place: observed ?? place,
                    isExpert: conversion.tensors[place.tensor].name.contains("_exps."))
            ]
        }
        guard tensor.shape.rank == 3 else { return nil }
        let names = found.map { conversion.tensors[$0.tensor] }
        guard names.allSatisfy({ $0.name.contains("_exps.") && $0.shape.rank == 3 }) else {
            return nil
        }
        return experts(of: tensor, in: found)
    }

    /// The experts of a stack, one after the other, under the names that engines know.
    private func experts(of tensor: any ReadableTensor, in places: [Place]) -> [LinearMatrix] {
        var parent = tensor.name.split(separator: ".").dropLast().joined(separator: ".")
        if tensor.name.hasSuffix(".weight"), let dot = parent.lastIndex(of: ".") {
            parent = String(parent[..<dot])
        }
        if !parent.hasSuffix(".experts") { parent += ".experts" }
        let isMixtral = parent.contains("block_sparse_moe")
        func named(_ role: String) -> String {
            isMixtral ? ["gate": "w1", "down": "w2", "up": "w3"][role] ?? role : role + "_proj"
        }
        let count = conversion.tensors[places[0].tensor].shape.dimensions[0]
        return (0..<count).flatMap { expert in
            places.flatMap { place -> [LinearMatrix] in
                let description = conversion.tensors[place.tensor]
                let (rows, columns) = (description.shape.dimensions[1], description.shape.rowLength)
                let roles =
                    description.name.contains("gate_up")
                    ? ["gate", "up"]
                    : [
                        ["gate", "up", "down"].first { description.name.contains("ffn_\($0)") }
                            ?? ""
                    ]
                let height = rows / roles.count
                return roles.enumerated().map { number, role in
                    LinearMatrix(
                        module: "\(parent).\(expert).\(named(role))", rows: height,
                        columns: columns,
                        values: .rows(
                            tensor: place.tensor, first: expert * rows + number * height),
                        place: Place(tensor: place.tensor, matrix: expert), isExpert: true)
                }
            }
        }
    }

    /// Parts of the names of matrices in blocks that engines build without quantization: what picks the
    /// keys of sparse attention, what mixes several residual streams, and what stands around the block
    /// that predicts further tokens (tables and output matrices among it).
    private static let plainParts = [".indexer", ".hc_", ".nextn."]

    /// Whether a tensor of the GGUF view is a linear layer of a block.
    private func isLinear(_ number: Int) -> Bool {
        CheckpointModel.isLinear(conversion.tensors[number])
    }

    static func isLinear(_ tensor: TensorDescription) -> Bool {
        tensor.name.contains("blk.") && !plainParts.contains { tensor.name.contains($0) }
            && RecipeModel.Tensor(
                name: tensor.name, shape: tensor.shape, format: tensor.format, hasImportance: false
            ).isQuantizable
    }
}
