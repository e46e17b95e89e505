import Evaluation
import GGUF
import Pipeline
import Quantization
import TensorCore

/// A model as far as formats can be chosen: the tensors that are free, what each can be, and the
/// bytes of all else.
struct Allocatable: Sendable {
    /// A tensor whose format is free.
    struct Tensor: Sendable {
        var description: TensorDescription
        /// Its number in the source.
        var index: Int
        /// Its group's number.
        var group: Int
        /// What it can be, fewest bytes first.
        var formats: [Format]
        /// The bytes of each, padding included.
        var byteCounts: [Int]
        /// The weights of its columns, for encoders; those of a calibration come later.
        var importance: [Float]?
        /// Whether a calibration will weigh its columns.
        var isCalibrated: Bool
    }

    /// Tensors of one role in neighbouring layers.
    struct Group: Sendable, Hashable {
        /// `ffn_down 5-9`, or `output`.
        var name: String
    }

    /// The source, without blocks that are left out.
    let source: any TensorSource
    let tensors: [Tensor]
    let groups: [Group]
    /// The bytes of the file that are not those of free tensors.
    let fixedByteCount: Int
    /// The bytes of tensors that are not free, without padding, and the values of all tensors.
    let (fixedTensorBytes, elementCount): (Int, Int)

    /// Finds what is free in a plan in which every free tensor has the reason `allocated`.
    ///
    /// - Parameters:
    ///   - weighed: The tensors whose formats may need importance.
    ///   - least: The fewest bits for a value that a free tensor may have.
    init(_ plan: Plan, weighed: Set<String>, least: Format?) throws(AllocationError) {
        source = plan.source
        let alignment = plan.metadata["general.alignment"]?.integer ?? 32
        func padded(_ count: Int) -> Int { count.aligned(to: alignment) ?? count }
        let layers = plan.tensors.compactMap { RecipeModel.blockIndex(of: $0.name) }
        let bands = Bands(layerCount: (layers.max() ?? -1) + 1)
        var (groups, places): ([Group], [String: Int]) = ([], [:])
        var tensors: [Tensor] = []
        var (fixed, fixedTensors) = (plan.layout.header.count, 0)
        for tensor in plan.tensors {
            guard tensor.choice.reason == .allocated else {
                fixed += padded(tensor.byteCount)
                fixedTensors += tensor.byteCount
                continue
            }
            let layer = RecipeModel.blockIndex(of: tensor.name)
            let kind = SensitivityAnalysis.kind(of: tensor.name, layer: layer)
            let name = layer.map { "\(kind) \(bands.name(ofLayer: $0))" } ?? kind
            if places[name] == nil {
                places[name] = groups.count
                groups.append(Group(name: name))
            }
            let formats = CandidateFormats.formats(
                of: tensor.source, hasImportance: weighed.contains(tensor.name), least: least)
            tensors.append(
                Tensor(
                    description: tensor.source, index: tensor.sourceIndex,
                    group: places[name] ?? 0, formats: formats,
                    byteCounts: formats.map {
                        padded(
                            $0.byteCount(
                                rowLength: tensor.source.shape.rowLength,
                                rowCount: tensor.source.shape.rowCount) ?? 0)
                    }, importance: tensor.importance?.values,
                    isCalibrated: tensor.importance == nil && weighed.contains(tensor.name)))
        }
        guard !tensors.isEmpty else {
            throw AllocationError(.nothingToChoose, path: plan.source.path)
        }
        self.tensors = tensors
        self.groups = groups
        fixedByteCount = fixed
        fixedTensorBytes = fixedTensors
        elementCount = plan.elementCount
    }

    /// The bytes of the file with these formats, by their numbers among each tensor's.
    func byteCount(_ choice: [Int]) -> Int {
        zip(tensors, choice).reduce(fixedByteCount) { $0 + $1.0.byteCounts[$1.1] }
    }

    /// The most bytes that a file of so many bits for a value can have, padding included.
    ///
    /// Padding is a few bytes for a tensor; whether the bits are kept is counted without.
    func byteLimit(bitsPerWeight: Double) -> Int {
        let tensorBytes = Int((bitsPerWeight * Double(elementCount) / 8).rounded(.down))
        return fixedByteCount + tensorBytes - fixedTensorBytes
    }

    /// The formats of a choice by the tensors' names.
    func formats(_ choice: [Int]) -> [String: Format] {
        var formats: [String: Format] = [:]
        for (tensor, option) in zip(tensors, choice) {
            formats[tensor.description.name] = tensor.formats[option]
        }
        return formats
    }

    /// The choice that a plan made; `nil` when one of its formats is none of those to choose from.
    func choice(of plan: Plan) -> [Int]? {
        var formats: [String: Format] = [:]
        for tensor in plan.tensors { formats[tensor.name] = tensor.choice.format }
        var choice: [Int] = []
        for tensor in tensors {
            guard let format = formats[tensor.description.name],
                let option = tensor.formats.firstIndex(of: format)
            else { return nil }
            choice.append(option)
        }
        return choice
    }
}

/// Neighbouring layers that are taken to be alike: the first and the last layer each by itself,
/// six bands between them.
package struct Bands: Sendable {
    private let layerCount: Int

    package init(layerCount: Int) { self.layerCount = layerCount }

    private static let innerCount = 6

    /// `0` for the first layer, `5-9` for the layers 5 to 9.
    package func name(ofLayer layer: Int) -> String {
        let inner = layerCount - 2
        guard layer > 0, layer < layerCount - 1, inner > Bands.innerCount else { return "\(layer)" }
        let band = (layer - 1) * Bands.innerCount / inner
        let first = (band * inner + Bands.innerCount - 1) / Bands.innerCount + 1
        let last = ((band + 1) * inner + Bands.innerCount - 1) / Bands.innerCount
        return first == last ? "\(first)" : "\(first)-\(last)"
    }
}

/// What tensors can be.
enum CandidateFormats {
    /// The formats that are weighed against each other, where rows are whole blocks of them.
    private static let all: [Format] = [
        .IQ2_XXS, .IQ2_XS, .IQ2_S, .Q2_K, .IQ3_XXS, .IQ3_S, .Q3_K, .IQ4_XS, .Q4_K, .Q5_K, .Q6_K,
        .Q8_0,
    ]

    /// The formats for a tensor, fewest bytes first: what fits its rows, what has the importance it
    /// needs, no more than 16 bits.
    static func formats(
        of tensor: TensorDescription, hasImportance: Bool, least: Format?
    ) -> [Format] {
        // What no matrix weighs is looked up: there the encoder's word counts.
        let isTable = tensor.name == "token_embd.weight" || tensor.name == "output.weight"
        var formats: [Format] = []
        for wanted in all + [tensor.format == .BF16 ? .BF16 : .F16] {
            guard
                let format = ([wanted] + wanted.fallbacks).first(where: {
                    $0.fits(rowLength: tensor.shape.rowLength)
                }), !formats.contains(format),
                hasImportance || format.importance < (isTable ? .required : .expected),
                format.bitsPerWeight >= (least?.bitsPerWeight ?? 0)
            else { continue }
            formats.append(format)
        }
        // A floor above 16 bits leaves the source's own format.
        if formats.isEmpty { formats = [tensor.format] }
        return formats.enumerated().sorted {
            ($0.element.bitsPerWeight, $0.offset) < ($1.element.bitsPerWeight, $1.offset)
        }.map(\.element)
    }
}
