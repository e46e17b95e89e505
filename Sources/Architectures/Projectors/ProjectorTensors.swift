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
    }

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
    static func splitQKV(_ source: String, _ block: String = "v.blk.{bid}.") -> Self {
        .split(
            source,
            ["q", "k", "v"].enumerated().map { (block + "attn_\($1)", .third($0)) })
    }

    /// Kernels over two frames, which are two tensors in the file.
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

    /// Modules whose names follow those of a layer.
    static func blocks(
        _ source: String, as block: String = "v.blk.{bid}.", _ modules: [(String, String)]
    ) -> Self {
        .init(modules.flatMap { Self(source + $0.0, block + $0.1).rules })
    }
}

/// Elements of a stored tensor in the file's order.
public struct ProjectorLayout: Sendable {
    /// The part of a tensor with these dimensions; `nil` where they do not allow it.
    public let part:
        @Sendable (_ stored: [Int], _ model: ProjectorModel) throws(ArchitectureError)
            -> ProjectorTensors.Part?

    init(
        _ part:
            @escaping @Sendable (_ stored: [Int], _ model: ProjectorModel) throws(ArchitectureError)
            -> ProjectorTensors.Part?
    ) { self.part = part }

    /// One of three equal parts of the outermost dimension.
    static func third(_ index: Int) -> Self {
        .init { stored, _ in
            guard let rows = stored.first, rows % 3 == 0 else { return nil }
            return .init(
                view: .reshaped(stored.map { .constant($0) }).narrowed(
                    0, from: .constant(index * rows / 3), count: .constant(rows / 3)),
                shape: [rows / 3] + stored.dropFirst())
        }
    }

    /// One of two frames of kernels `[outputs, channels, 2, height, width]`.
    static func frame(_ index: Int) -> Self {
        .init { stored, _ in
            guard stored.count == 5, stored[2] == 2 else { return nil }
            return .init(
                view: .reshaped(stored.map { .constant($0) }).narrowed(2, from: .constant(index)),
                shape: [stored[0], stored[1], stored[3], stored[4]])
        }
    }

    /// Rows of each head from two halves to neighbouring pairs.
    static func rotaryPairs(_ key: String) -> Self {
        .init { stored, model throws(ArchitectureError) in
            guard let heads = try model.vision?.required(key), let rows = stored.first,
                rows % (2 * heads) == 0
            else { return nil }
            return .init(
                view: .rotaryPairs(heads: .constant(heads), of: stored.map { .constant($0) }),
                shape: stored)
        }
    }

    /// The same elements with other dimensions.
    static func shaped(_ shape: @escaping @Sendable ([Int]) -> [Int]?) -> Self {
        .init { stored, _ in
            guard let result = shape(stored) else { return nil }
            return .init(view: .reshaped(result.map { .constant($0) }), shape: result)
        }
    }

    /// The elements seen as a box with its sides in another order.
    static func permuted(
        _ order: [Int], as box: @escaping @Sendable ([Int], ProjectorModel) -> [Int]?
    ) -> Self {
        .init { stored, model in
            guard let sides = box(stored, model), sides.count == order.count else { return nil }
            return .init(
                view: .reshaped(sides.map { .constant($0) }).permuted(order),
                shape: order.map { sides[$0] })
        }
    }
}
