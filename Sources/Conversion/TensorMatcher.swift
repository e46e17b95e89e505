import Architectures
import Quantization
import Safetensors
import TensorCore

/// Gives stored tensors to a family's rules and makes GGUF tensors of those that are complete.
struct TensorMatcher {
    /// A tensor of the GGUF file.
    struct Made {
        let name: String
        let shape: Shape
        let content: TensorContent
        var isLeading = false
        var isTrailing = false
        /// The number of the rule.
        var rule = 0
        /// The number of the block.
        var block = 0
        /// The number of the output among the rule's.
        var output = 0
    }

    /// A rule in one block.
    private struct Place: Hashable {
        let rule: Int
        let block: Int
    }

    /// What has been found for a rule in one block: for each source the tensors, by expert.
    private struct Group {
        var found: [[Int: any ReadableTensor]]
        var missingCount: Int
    }

    private let rules: [TensorRule]
    private let configuration: ModelConfiguration
    private let directory: String
    private let blockCount: Int
    /// The sources of all rules, by what their names have in common.
    private var sources: [String: [(rule: Int, source: Int)]] = [:]
    /// The shapes of a rule's sources in a block, once a tensor of it has been seen.
    private var shapes: [Place: [[Int]?]] = [:]
    private var groups: [Place: Group] = [:]
    private var made: Set<String> = []

    init(
        rules: [TensorRule], configuration: ModelConfiguration, directory: String
    ) throws {
        self.rules = rules
        self.configuration = configuration
        self.directory = directory
        blockCount = try configuration.blockCount()
        for (number, rule) in rules.enumerated() {
            for (source, kind) in rule.sources.enumerated() {
                let name = TensorPattern.skeleton(of: kind.pattern.name(block: 0))
                sources[name, default: []].append((number, source))
            }
        }
    }

    /// Takes a tensor, whose name is `name` for the rules; `nil` when no rule is about it.
    ///
    /// - Returns: The GGUF tensors that it completes, which are none until the last has come.
    mutating func add(_ values: any ReadableTensor, named name: String) throws -> [Made]? {
        guard let (place, source, expert) = try place(of: values, named: name) else { return nil }
        let rule = rules[place.rule]
        try check(values, at: place, source: source)
        if groups[place] == nil { groups[place] = try newGroup(rule) }
        let count = try rule.sources[source].count.size(in: configuration)
        guard expert < count else {
            throw ConversionError(
                .unexpectedExpert(expert, count: count), path: values.path, place: values.name)
        }
        // Changed in place: a copy for every expert would cost their number squared.
        if let other = groups[place]?.found[source].updateValue(values, forKey: expert) {
            throw ConversionError(
                .duplicateTensor(sources: [other.name]), path: values.path, place: values.name)
        }
        groups[place]?.missingCount -= 1
        guard let group = groups[place], group.missingCount == 0 else { return [] }
        return try rule.outputs.enumerated().map { number, output in
            var made = try make(output, of: rule, block: place.block, from: group)
            (made.rule, made.block, made.output) = (place.rule, place.block, number)
            return made
        }
    }

    /// The rule for a tensor; of several with the same name the first that has its shape.
    private mutating func place(
        of values: any ReadableTensor, named name: String
    ) throws -> (place: Place, source: Int, expert: Int)? {
        var first: (place: Place, source: Int, expert: Int)?
        for (number, source) in sources[TensorPattern.skeleton(of: name), default: []] {
            let rule = rules[number]
            guard let found = rule.sources[source].pattern.place(of: name.utf8),
                found.block < blockCount, try rule.condition.holds(configuration, found.block)
            else { continue }
            let place = (Place(rule: number, block: found.block), source, found.expert)
            let shape = try shape(ofSource: source, at: place.0)
            if shape == nil || shape == values.shape.dimensions { return place }
            if first == nil { first = place }
        }
        return first
    }

    /// The shape that the configuration promises; `nil` when any will do.
    private mutating func shape(ofSource source: Int, at place: Place) throws -> [Int]? {
        if shapes[place] == nil {
            let configuration = configuration(of: place.block)
            shapes[place] = try rules[place.rule].sources.map { source in
                try source.shape?.map { try $0.size(in: configuration) }
            }
        }
        return shapes[place, default: []][source]
    }

    /// The configuration as a block sees it.
    private func configuration(of block: Int) -> ModelConfiguration {
        var configuration = configuration
        configuration.block = block
        return configuration
    }

    private func newGroup(_ rule: TensorRule) throws -> Group {
        var count = 0
        for source in rule.sources {
            count += try source.count.size(in: configuration)
        }
        return Group(found: rule.sources.map { _ in [:] }, missingCount: count)
    }

    /// Checks shape and type against what the configuration says.
    private mutating func check(
        _ values: any ReadableTensor, at place: Place, source: Int
    ) throws {
        guard let expected = try shape(ofSource: source, at: place) else { return }
        let dimensions = values.shape.dimensions
        if dimensions != expected {
            let isVocabulary =
                rules[place.rule].sources[source].shape?.first == .vocabulary
                && dimensions.dropFirst() == expected.dropFirst()
            throw ConversionError(
                isVocabulary
                    ? .vocabularyMismatch(rows: dimensions.first ?? 0, vocabSize: expected[0])
                    : .shapeMismatch(found: values.shape, expected: expected),
                path: values.path, place: values.name)
        }
        guard values.dataType?.isDecodable ?? true else {
            throw ConversionError(
                .unsupportedDataType(values.dataType?.rawValue ?? ""), path: values.path,
                place: values.name)
        }
    }

    private mutating func make(
        _ output: TensorRule.Output, of rule: TensorRule, block: Int, from group: Group
    ) throws -> Made {
        let name = output.name.name(block: block)
        let configuration = configuration(of: block)
        let sizes = try output.shape.map { try $0.size(in: configuration) }
        guard let shape = Shape(sizes) else {
            throw ConversionError(.invalidShape(sizes), path: directory, place: name)
        }
        guard made.insert(name).inserted else {
            throw ConversionError(
                .duplicateTensor(sources: rule.sources.map { $0.pattern.name(block: block) }),
                path: directory, place: name)
        }
        let content: TensorContent
        let elementCount: Int
        switch output.values {
        case .parts(let parts, let change):
            let stored = StoredParts(
                try self.parts(
                    parts, of: output, shape: shape, from: group, in: configuration, name: name),
                change: change)
            content = .stored(stored)
            elementCount = stored.starts.last ?? 0
        case .mxfp4(let codes, let exponents, let rows):
            let blocks = try mxfp4(group, codes, exponents, rows, name: name)
            content = .mxfp4(blocks)
            elementCount = blocks.rowCount * blocks.blockCount * 32
        case .product(let first, let second):
            let factors = try [first, second].map { source in
                StoredParts(
                    try parts(.init(source), of: group, in: configuration, name: name),
                    change: .none)
            }
            content = .product(factors)
            elementCount = factors[0].starts.last ?? 0
            guard factors[1].starts.last == elementCount else {
                throw ConversionError(.invalidShape(sizes), path: directory, place: name)
            }
        case .filled(let number):
            let value = Float(try number.value(in: configuration))
            content = .generated([Float](repeating: value, count: shape.elementCount))
            elementCount = shape.elementCount
        case .numbers(let plusPlace, let isNarrow):
            guard let source = group.found[0][0] else {
                preconditionFailure("a complete group has its sources")
            }
            content = .numbers(
                IntegerRows(source: source, addsPlace: plusPlace, isNarrow: isNarrow))
            elementCount = source.shape.elementCount
        }
        // The rules' promise to the readers: as many values as the shape says.
        guard elementCount == shape.elementCount else {
            throw ConversionError(.invalidShape(sizes), path: directory, place: name)
        }
        return Made(
            name: name, shape: shape, content: content, isLeading: rule.isLeading,
            isTrailing: rule.isTrailing)
    }

    /// The parts of an output as often as it repeats them, and zeros up to its shape where it is padded.
    private func parts(
        _ parts: [TensorRule.Part], of output: TensorRule.Output, shape: Shape, from group: Group,
        in configuration: ModelConfiguration, name: String
    ) throws -> [StoredParts.Part] {
        var all: [StoredParts.Part] = []
        for turn in 0..<(try output.repeats.size(in: configuration)) {
            var configuration = configuration
            configuration.turn = turn
            for part in parts {
                all += try self.parts(part, of: group, in: configuration, name: name)
            }
        }
        guard output.isPadded else { return all }
        let count = all.reduce(0) { $0 + $1.view.elementCount }
        if let rest = Shape([shape.elementCount - count]), rest.elementCount > 0 {
            let zeros = ZeroTensor(name: name, shape: rest, path: directory)
            all.append(
                .init(
                    values: zeros, view: StridedView(elementCount: rest.elementCount), factors: []))
        }
        return all
    }

    /// A part of an output: of a source with one tensor for each expert, all in turn.
    private func parts(
        _ part: TensorRule.Part, of group: Group, in configuration: ModelConfiguration, name: String
    ) throws -> [StoredParts.Part] {
        let factors = try part.factors.map { Float(try $0.value(in: configuration)) }
        return try group.found[part.source].sorted { $0.key < $1.key }.map {
            StoredParts.Part(
                values: $1,
                view: try view(
                    part.view, of: $1, shape: $1.shape, in: configuration, name: name),
                factors: factors.filter { $0 != 1 }, isZero: part.isZero)
        }
    }

    private func view(
        _ view: TensorView?, of values: any ReadableTensor, shape: Shape,
        in configuration: ModelConfiguration, name: String
    ) throws -> StridedView {
        guard let view else { return StridedView(elementCount: shape.elementCount) }
        guard let strided = try StridedView(view, of: shape, in: configuration) else {
            throw ConversionError(
                .invalidShape(shape.dimensions), path: values.path, place: values.name)
        }
        return strided
    }

    private func mxfp4(
        _ group: Group, _ codes: Int, _ exponents: Int, _ rows: TensorView?, name: String
    ) throws -> MXFP4Rows {
        var parts: [MXFP4Rows.Part] = []
        var blockCount = 0
        for (expert, codes) in group.found[codes].sorted(by: { $0.key < $1.key }) {
            guard let exponents = group.found[exponents][expert] else {
                preconditionFailure("a complete group has its sources")
            }
            for (values, types) in [
                (codes, [DataType.U8, .I8]), (exponents, [DataType.U8, .F8_E8M0]),
            ] where !types.contains(where: { $0 == values.dataType }) {
                throw ConversionError(
                    .unsupportedDataType(values.dataType?.rawValue ?? "packed"), path: values.path,
                    place: values.name)
            }
            var dimensions = codes.shape.dimensions
            if dimensions.last == MXFP4Rows.codeByteCount, dimensions.count > exponents.shape.rank {
                dimensions.removeLast()
            } else if let last = dimensions.popLast() {
                dimensions.append(last / MXFP4Rows.codeByteCount)
            }
            guard exponents.shape.dimensions == dimensions, dimensions.count > 1,
                codes.shape.elementCount == exponents.shape.elementCount * MXFP4Rows.codeByteCount,
                let shape = Shape(Array(dimensions.dropLast()))
            else {
                throw ConversionError(
                    .invalidShape(codes.shape.dimensions), path: codes.path, place: codes.name)
            }
            blockCount = exponents.shape.rowLength
            parts.append(
                .init(
                    codes: codes, exponents: exponents,
                    rows: try view(rows, of: codes, shape: shape, in: configuration, name: name)))
        }
        return MXFP4Rows(parts, blockCount: blockCount)
    }
}

extension TensorMatcher {
    /// The names of tensors that the rules require and that have not come.
    ///
    /// Of alternatives it is the one that has begun, or the first. Experts that are missing side
    /// by side are one name: `experts.{4…159}.up_proj.weight`.
    func missing() throws -> [String] {
        var reported: Set<Place> = []
        var names: [String] = []
        let absent = try absentPredictors()
        for (number, rule) in rules.enumerated() {
            for block in 0..<(rule.isPerBlock ? blockCount : 1) where !absent.contains(block) {
                let place = Place(rule: number, block: block)
                let isBegun = groups[place].map { $0.missingCount > 0 } ?? false
                guard
                    try isBegun
                        || rule.presence == .required
                            && rule.condition.holds(configuration, block)
                            && rule.outputs.contains(where: {
                                !made.contains($0.name.name(block: block))
                            })
                else { continue }
                let choice = isBegun ? place : try alternative(to: place)
                guard reported.insert(choice).inserted else { continue }
                names += try missing(at: choice)
            }
        }
        return names
    }

    /// The names of tensors without which others that have come make nothing.
    func begun() throws -> [String] {
        try groups.filter { $0.value.missingCount > 0 }.keys
            .flatMap { place in try missing(at: place) }.sorted()
    }

    /// The blocks that predict further tokens and of which nothing has come.
    ///
    /// transformers reads and writes checkpoints without them and leaves the configuration alone.
    func absentPredictors() throws -> [Int] {
        let present = Set(groups.keys.map(\.block))
        return try (configuration.numHiddenLayers()..<blockCount).filter { !present.contains($0) }
    }

    /// The rule for the same outputs that has some of its sources; `place` itself if there is none.
    private func alternative(to place: Place) throws -> Place {
        let names = Set(rules[place.rule].outputs.map(\.name))
        for (number, rule) in rules.enumerated()
        where rule.outputs.contains(where: { names.contains($0.name) }) {
            let other = Place(rule: number, block: place.block)
            if groups[other] != nil { return other }
        }
        // The first of the alternatives stands for all of them.
        for (number, rule) in rules.enumerated()
        where rule.presence == .required
            && rule.outputs.contains(where: { names.contains($0.name) })
        {
            if try rule.condition.holds(configuration, place.block) {
                return Place(rule: number, block: place.block)
            }
        }
        return place
    }

    private func missing(at place: Place) throws -> [String] {
        let rule = rules[place.rule]
        var names: [String] = []
        for (number, source) in rule.sources.enumerated() {
            let found = groups[place]?.found[number] ?? [:]
            let count = try source.count.size(in: configuration)
            var next = 0
            for expert in found.keys.sorted() + [count] {
                if expert > next {
                    let numbers = expert - next == 1 ? "\(next)" : "{\(next)…\(expert - 1)}"
                    names.append(source.pattern.name(block: place.block, expert: numbers))
                }
                next = expert + 1
            }
        }
        return names
    }
}
