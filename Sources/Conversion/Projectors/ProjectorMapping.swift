import Architectures
import Quantization
import Safetensors
import TensorCore

/// A checkpoint's tensors mapped to those of a projector file.
struct ProjectorMapping {
    /// A tensor of the file.
    struct Made {
        let name: String
        let shape: Shape
        let content: TensorContent
        /// The format that the family fixes.
        let fixed: ProjectorFamily.FixedFormat?
        /// Whether its name in the checkpoint has a number.
        let isNumbered: Bool

        /// The format that the tensor has whatever the type; `nil` where that decides.
        func fixedFormat(in type: OutputType) -> Format? {
            if shape.rank <= 1 || name.hasSuffix("_norm.weight") { return .F32 }
            switch fixed {
            case .f32?: return .F32
            case .f16?: return .F16
            case .f16OrF32?: return type == .f16 ? .F16 : .F32
            case nil: break
            }
            let isPosition = ["v.position_embd.weight", "a.position_embd.weight"].contains(name)
            return isPosition && !isNumbered || !name.hasSuffix(".weight") ? .F32 : nil
        }
    }

    private(set) var tensors: [Made] = []
    /// The number of tensors that are not the encoders'.
    private(set) var leftOutCount = 0
    private let family: ProjectorFamily
    private let model: ProjectorModel
    private let directory: String
    /// The layers that have a tensor of each kind, by the kind's name in the file.
    private var blocks: [String: Set<Int>] = [:]
    private var names: Set<String> = []
    /// Norms over batches of which parts have come, by their names in the file.
    private var norms: [String: FoldedNorm] = [:]
    /// Tensors of which one of the file will be, by its name: those that have come, by their numbers.
    private var stacks: [String: [Int: any ReadableTensor]] = [:]

    /// Maps tensors in the checkpoint's order, computed ones first.
    ///
    /// - Throws: `ConversionError` about tensors that have no place, are there twice, have a shape
    ///   that a rule does not allow, or are missing in some layers.
    init(
        _ family: ProjectorFamily, _ model: ProjectorModel, values: [any ReadableTensor],
        directory: String
    ) throws {
        self.family = family
        self.model = model
        self.directory = directory
        for tensor in try family.generatedTensors(model) {
            guard let shape = Shape(tensor.shape), shape.elementCount == tensor.values.count else {
                continue
            }
            names.insert(tensor.name)
            tensors.append(
                Made(
                    name: tensor.name, shape: shape, content: .generated(tensor.values),
                    fixed: nil, isNumbered: false))
        }
        let generated = names
        var unmapped: [String] = []
        for stored in values {
            guard let name = family.ruleName(of: stored.name), try !family.leavesOut(name, model)
            else {
                leftOutCount += 1
                continue
            }
            let isMapped =
                try fold(stored, named: name) || add(stored, named: name, beside: generated)
            guard isMapped else {
                unmapped.append(stored.name)
                continue
            }
        }
        guard unmapped.isEmpty else {
            throw ConversionError(.unmappedTensors(unmapped), path: directory)
        }
        try checkBlocks()
    }

    /// Maps a tensor; `false` when no rule is about it.
    private mutating func add(
        _ stored: any ReadableTensor, named name: String, beside generated: Set<String>
    ) throws -> Bool {
        let endings = ["", ".weight", ".bias"]
        for ending in endings where name.hasSuffix(ending) {
            let stem = String(name.dropLast(ending.count))
            for rule in family.tensors.rules {
                guard let place = rule.source.place(of: stem.utf8) else { continue }
                var number = place.expert
                if let renumber = rule.number {
                    guard let other = try renumber(number, model) else { return false }
                    number = other
                }
                if rule.source.isPerBlock, !(try holds(place.block, rule)) { return false }
                for output in rule.outputs {
                    // A module's name stands for weight and bias, a tensor's for itself.
                    let tail = output.ending ?? ending
                    let made = output.name.name(block: place.block, expert: "\(number)") + tail
                    if generated.contains(made) { continue }
                    if let stack = rule.stack {
                        try gather(
                            stored, named: name, as: made, place,
                            count: stack(place.block, model) ?? 0)
                    } else {
                        try append(stored, named: name, as: made, output, change: rule.change)
                    }
                    if rule.source.isPerBlock {
                        blocks[output.name.text + tail, default: []].insert(place.block)
                    }
                }
                return true
            }
        }
        return false
    }

    /// Takes a part of a norm over batches; `false` when the tensor is none.
    private mutating func fold(_ stored: any ReadableTensor, named name: String) throws -> Bool {
        guard !family.batchNorms.isEmpty, let dot = name.lastIndex(of: ".") else { return false }
        let (module, part) = (name[..<dot], String(name[name.index(after: dot)...]))
        for norm in family.batchNorms {
            guard let place = norm.source.place(of: module.utf8) else { continue }
            if part != "num_batches_tracked" { try checkType(of: stored) }
            let made = norm.name.name(block: place.block)
            guard try norms[made, default: FoldedNorm()].add(stored, as: part) else { return false }
            guard let folded = try norms[made]?.folded(epsilon: norm.epsilon) else { return true }
            for (ending, values) in [(".weight", folded.factors), (".bias", folded.addends)] {
                guard names.insert(made + ending).inserted else {
                    throw ConversionError(
                        .duplicateTensor(sources: [stored.name]), path: stored.path,
                        place: made + ending)
                }
                tensors.append(
                    Made(
                        name: made + ending, shape: stored.shape, content: .generated(values),
                        fixed: .f32, isNumbered: true))
                blocks[norm.name.text + ending, default: []].insert(place.block)
            }
            return true
        }
        return false
    }

    /// Takes one of several tensors that are one in the file, and adds that with the last of them.
    private mutating func gather(
        _ stored: any ReadableTensor, named source: String, as name: String,
        _ place: TensorPattern.Place, count: Int
    ) throws {
        try checkType(of: stored)
        guard place.expert < count else {
            throw ConversionError(
                .unmappedTensors([stored.name]), path: directory)
        }
        guard stacks[name, default: [:]].updateValue(stored, forKey: place.expert) == nil else {
            throw ConversionError(
                .duplicateTensor(sources: [stored.name]), path: stored.path, place: name)
        }
        guard let found = stacks[name], found.count == count else { return }
        let all = found.sorted { $0.key < $1.key }.map(\.value)
        if let other = all.first(where: { $0.shape != stored.shape }) {
            throw ConversionError(
                .shapeMismatch(found: other.shape, expected: stored.shape.dimensions),
                path: other.path, place: other.name)
        }
        let parts = all.map {
            StoredParts.Part(
                values: $0, view: StridedView(elementCount: $0.shape.elementCount), factors: [])
        }
        try add(
            .stored(StoredParts(parts, change: .none)), [count] + stored.shape.dimensions,
            elementCount: parts.reduce(0) { $0 + $1.view.elementCount }, of: stored,
            named: source, as: name)
    }

    private func holds(_ block: Int, _ rule: ProjectorTensors.Rule) throws -> Bool {
        let name = rule.outputs[0].name.text
        guard name.hasPrefix("v.blk.") || name.hasPrefix("a.blk.") else {
            return block < ModelConfiguration.layerLimit
        }
        return block < (try model.blockCount(ofAudio: name.hasPrefix("a.")))
    }

    private mutating func append(
        _ stored: any ReadableTensor, named source: String, as name: String,
        _ output: ProjectorTensors.Output, change: ValueChange
    ) throws {
        try checkType(of: stored)
        var dimensions = stored.shape.dimensions
        var parts: [StoredParts.Part] = []
        for layout in output.parts {
            guard let found = try layout.parts(stored.shape.dimensions, model) else {
                throw invalidShape(of: stored)
            }
            for part in found {
                guard let view = try StridedView(part.view, of: stored.shape, in: model.whole)
                else { throw invalidShape(of: stored) }
                if parts.isEmpty || output.isSum {
                    dimensions = part.shape
                } else {
                    dimensions[0] += part.shape[0]
                }
                parts.append(.init(values: stored, view: view, factors: []))
            }
        }
        if parts.isEmpty {
            parts = [
                .init(
                    values: stored, view: StridedView(elementCount: stored.shape.elementCount),
                    factors: [])
            ]
        }
        let counts = parts.map(\.view.elementCount)
        if output.isSum, Set(counts).count != 1 { throw invalidShape(of: stored) }
        try add(
            output.isSum
                ? .sum(SummedParts(parts: parts)) : .stored(StoredParts(parts, change: change)),
            dimensions, elementCount: output.isSum ? counts[0] : counts.reduce(0, +), of: stored,
            named: source, as: name)
    }

    /// Adds a tensor whose values are there.
    private mutating func add(
        _ content: TensorContent, _ dimensions: [Int], elementCount: Int,
        of stored: any ReadableTensor, named source: String, as name: String
    ) throws {
        guard names.insert(name).inserted else {
            throw ConversionError(
                .duplicateTensor(sources: [stored.name]), path: stored.path, place: name)
        }
        // A scalar is a vector of one.
        guard let shape = Shape(dimensions.isEmpty ? [1] : dimensions),
            elementCount == shape.elementCount
        else { throw invalidShape(of: stored) }
        try checkWidth(shape, name, stored)
        tensors.append(
            Made(
                name: name, shape: shape, content: content,
                fixed: family.fixedFormat(ofTensor: name, from: source),
                isNumbered: source.split(separator: ".").contains { $0.allSatisfy(\.isNumber) }))
    }

    private func checkType(of stored: any ReadableTensor) throws {
        guard stored.dataType?.isDecodable ?? true else {
            throw ConversionError(
                .unsupportedDataType(stored.dataType?.rawValue ?? ""), path: stored.path,
                place: stored.name)
        }
    }

    private func invalidShape(of stored: any ReadableTensor) -> ConversionError {
        ConversionError(
            .invalidShape(stored.shape.dimensions), path: stored.path, place: stored.name)
    }

    /// Norms before attention are as wide as the configuration says.
    private func checkWidth(
        _ shape: Shape, _ name: String, _ stored: any ReadableTensor
    ) throws {
        guard name.hasSuffix(".ln1.weight"), name.hasPrefix("v.blk."),
            let width = try model.vision?.integer("hidden_size", "width", "vt_hidden_size"),
            shape.dimensions != [width]
        else { return }
        throw ConversionError(
            .shapeMismatch(found: shape, expected: [width]), path: stored.path, place: stored.name)
    }

    /// What one layer has all have.
    private func checkBlocks() throws {
        var missing: [String] = []
        for (pattern, found) in blocks.sorted(by: { $0.key < $1.key })
        where family.hasLikeLayers && pattern.hasPrefix("v.blk.") || pattern.hasPrefix("a.blk.") {
            let count = try model.blockCount(ofAudio: pattern.hasPrefix("a."))
            for block in 0..<count where !found.contains(block) {
                missing.append(TensorPattern(pattern).name(block: block))
            }
        }
        for (name, norm) in norms.sorted(by: { $0.key < $1.key }) {
            missing += norm.missing.map { "\(name).\($0)" }
        }
        missing += stacks.keys.sorted().filter { !names.contains($0) }
        if tensors.isEmpty { missing.append(family.prefixes[0] + "…") }
        guard missing.isEmpty else {
            throw ConversionError(.missingTensors(missing), path: directory)
        }
    }
}
