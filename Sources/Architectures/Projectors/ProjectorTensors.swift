/// The tensors of an encoder: a module's name in the checkpoint and in the file, and where its
/// elements go.
///
/// A name stands for a module's weight and bias, whose endings are carried over, or for a tensor by
/// itself. `{bid}` is the number of a layer, `{xid}` any other.
public struct ProjectorTensors: Sendable, ExpressibleByArrayLiteral {
    /// A part of a stored tensor.
    public struct Part: Sendable {
        /// The elements.
        public let view: TensorView
        /// The dimensions, outermost first.
        public let shape: [Int]
    }

    /// A tensor of the file.
    public struct Output: Sendable {
        /// The name; endings are carried over.
        public let name: TensorPattern
        /// What the ending becomes, where it is not carried over.
        public let ending: String?
        /// The parts, one after another along the outermost dimension; none for all as it is stored.
        public let parts: [ProjectorLayout]
        /// Whether the parts are added to each other instead.
        public let isSum: Bool

        init(
            name: TensorPattern, ending: String? = nil, parts: [ProjectorLayout] = [],
            isSum: Bool = false
        ) {
            self.name = name
            self.ending = ending
            self.parts = parts
            self.isSum = isSum
        }
    }

    /// A number that the configuration says of a block.
    public typealias Count =
        @Sendable (_ block: Int, ProjectorModel) throws(ArchitectureError) -> Int?

    /// A rule about tensors of one kind.
    public struct Rule: Sendable {
        /// The names in the checkpoint.
        public let source: TensorPattern
        /// The tensors of the file.
        public let outputs: [Output]
        /// What is added to every value.
        public let change: ValueChange
        /// The number in the file for the one in the checkpoint (`{xid}`).
        public let number: (@Sendable (Int, ProjectorModel) throws(ArchitectureError) -> Int?)?
        /// How many tensors, numbered by `{xid}`, are one of the file along a new outermost dimension;
        /// `nil` for tensors that stay by themselves.
        public let stack: Count?

        init(
            source: TensorPattern, outputs: [Output], change: ValueChange = .none,
            number: (@Sendable (Int, ProjectorModel) throws(ArchitectureError) -> Int?)? = nil,
            stack: Count? = nil
        ) {
            self.source = source
            self.outputs = outputs
            self.change = change
            self.number = number
            self.stack = stack
        }
    }

    /// The rules.
    public let rules: [Rule]

    init(_ rules: [Rule]) { self.rules = rules }

    /// One after another.
    public init(arrayLiteral elements: Self...) { rules = elements.flatMap(\.rules) }

    /// A module or tensor that stays one.
    init(
        _ source: String, _ name: String, ending: String? = nil, _ layout: ProjectorLayout? = nil,
        change: ValueChange = .none,
        number: (@Sendable (Int, ProjectorModel) throws(ArchitectureError) -> Int?)? = nil
    ) {
        self.init([
            Rule(
                source: TensorPattern(source),
                outputs: [
                    .init(
                        name: TensorPattern(name), ending: ending,
                        parts: layout.map { [$0] } ?? [])
                ], change: change, number: number)
        ])
    }

    /// A module that becomes several.
    @inline(never)
    static func split(_ source: String, _ outputs: [(name: String, layout: ProjectorLayout)])
        -> Self
    {
        .init([
            Rule(
                source: TensorPattern(source),
                outputs: outputs.map {
                    .init(name: TensorPattern($0.name), ending: nil, parts: [$0.layout])
                }, change: .none, number: nil)
        ])
    }

    /// Queries, keys and values in one, which are three in the file.
    @inline(never)
    static func splitQKV(_ source: String, _ block: String = "v.blk.{bid}.") -> Self {
        .split(
            source,
            ["q", "k", "v"].enumerated().map { (block + "attn_\($1)", .third($0)) })
    }

    /// Kernels over two frames, which are two tensors in the file.
    @inline(never)
    static func frames(_ source: String, _ name: String = "v.patch_embd") -> Self {
        .init([
            Rule(
                source: TensorPattern(source + ".weight"),
                outputs: [
                    .init(
                        name: TensorPattern(name), ending: ".weight", parts: [.frame(0)]),
                    .init(
                        name: TensorPattern(name), ending: ".weight.1", parts: [.frame(1)]),
                ], change: .none, number: nil)
        ])
    }

    /// One tensor that the parts of a stored one add up to.
    @inline(never)
    static func sum(_ source: String, _ name: String, of parts: [ProjectorLayout]) -> Self {
        .init([
            Rule(
                source: TensorPattern(source),
                outputs: [.init(name: TensorPattern(name), parts: parts, isSum: true)])
        ])
    }

    /// Tensors numbered by `{xid}` that are one in the file, along a new outermost dimension.
    @inline(never)
    static func stack(_ source: String, _ name: String, count: @escaping Count) -> Self {
        .init([
            Rule(
                source: TensorPattern(source), outputs: [.init(name: TensorPattern(name))],
                stack: count)
        ])
    }

    /// Modules whose names follow those of a layer.
    @inline(never)
    static func blocks(
        _ source: String, as block: String = "v.blk.{bid}.", _ modules: [(String, String)]
    ) -> Self {
        .init(modules.flatMap { Self(source + $0.0, block + $0.1).rules })
    }
}

/// Elements of a stored tensor in the file's order.
public struct ProjectorLayout: Sendable {
    /// The parts of a tensor with these dimensions, one after another along the outermost; `nil` where
    /// they do not allow it.
    public let parts:
        @Sendable (_ stored: [Int], _ model: ProjectorModel) throws(ArchitectureError)
            -> [ProjectorTensors.Part]?

    /// A layout of one part.
    init(
        _ part:
            @escaping @Sendable (_ stored: [Int], _ model: ProjectorModel) throws(ArchitectureError)
            -> ProjectorTensors.Part?
    ) {
        parts = { stored, model throws(ArchitectureError) in
            try part(stored, model).map { [$0] }
        }
    }

    /// A layout of several parts.
    init(
        parts:
            @escaping @Sendable (_ stored: [Int], _ model: ProjectorModel) throws(ArchitectureError)
            -> [ProjectorTensors.Part]?
    ) { self.parts = parts }
}
