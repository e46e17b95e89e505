import TensorCore

/// How tensors of a checkpoint become tensors of a GGUF file: the names on both sides, the shapes
/// that the configuration promises, and what happens to the values.
///
/// Most rules are about one tensor on either side. A rule may have several sources, which become
/// outputs when the last of them has been seen, and several outputs, written in the rule's order.
/// Two rules may have the same outputs: they are alternatives, of which a checkpoint has one.
public struct TensorRule: Sendable {
    /// Whether a GGUF file must have the rule's outputs.
    public enum Presence: Sendable, Hashable {
        /// In every block, or once when the name has no block, by this rule or an alternative.
        case required
        /// They may be missing.
        case optional
        /// They may be missing, and are left out where they are the token embeddings, to which the
        /// configuration ties them.
        case unlessTied
    }

    /// The blocks of the models that a rule is about.
    public struct Condition: Sendable {
        /// Whether a rule is about a block; for tensors outside blocks its number is 0.
        public let holds: @Sendable (ModelConfiguration, Int) throws(ArchitectureError) -> Bool

        /// A condition.
        @inline(never)
        public init(
            _ holds:
                @escaping @Sendable (ModelConfiguration, Int) throws(ArchitectureError) -> Bool
        ) {
            self.holds = holds
        }

        /// Every block of every model.
        public static let always = Condition { _, _ in true }
        /// What both are about.
        @inline(never)
        static func && (left: Condition, right: Condition) -> Condition {
            Condition { configuration, block throws(ArchitectureError) in
                guard try left.holds(configuration, block) else { return false }
                return try right.holds(configuration, block)
            }
        }
        /// The opposite.
        public static prefix func ! (condition: Condition) -> Condition {
            Condition { configuration, block throws(ArchitectureError) in
                try !condition.holds(configuration, block)
            }
        }
    }

    /// A kind of tensor in a checkpoint.
    public struct Source: Sendable {
        /// Its names, with their suffix.
        public let pattern: TensorPattern
        /// The dimensions of one such tensor, outermost first; `nil` when any will do.
        public let shape: [Dimension]?
        /// How many there are where `{xid}` numbers them: experts, or whatever else.
        public let count: Dimension

        /// A kind of tensor.
        @inline(never)
        public init(_ pattern: String, _ shape: [Dimension]?, count: Dimension = .experts) {
            self.pattern = TensorPattern(pattern)
            self.shape = shape
            self.count = pattern.contains("{xid}") ? count : 1
        }
    }

    /// A tensor of the GGUF file.
    public struct Output: Sendable {
        /// Where the values come from.
        public enum Values: Sendable {
            /// Parts of sources, one after another, with every value changed.
            case parts([Part], ValueChange)
            /// Two sources with the bytes of MXFP4 blocks: codes `[…, blocks, 16]` or
            /// `[…, 16 · blocks]`, two neighbours a byte, and exponents `[…, blocks]`. The view is over
            /// their rows; of sources with one tensor for each expert all rows follow each other.
            case mxfp4(codes: Int, exponents: Int, rows: TensorView?)
            /// The values of two sources of as many elements, multiplied with each other in F32.
            case product(Int, Int)
            /// The same number everywhere, which no source has.
            case filled(Factor)
            /// The integers of the first source as I64, each plus its place in the tensor where asked, or
            /// as I32.
            case numbers(plusPlace: Bool = false, isNarrow: Bool = false)
        }

        /// Its name, with its suffix.
        public let name: TensorPattern
        /// The dimensions, outermost first.
        public let shape: [Dimension]
        /// Where the values come from.
        public let values: Values
        /// Whether zeros follow the parts where the shape has room for more.
        public internal(set) var isPadded = false
        /// How often the parts are repeated, one repetition after another; `.turn` counts in their
        /// views.
        public internal(set) var repeats = Dimension.constant(1)

        /// A tensor with the values of these parts.
        @inline(never)
        init(
            _ name: String, _ shape: [Dimension], _ parts: [Part] = [.init(0)],
            change: ValueChange = .none, repeats: Dimension = 1, isPadded: Bool = false
        ) {
            self.init(TensorPattern(name), shape, values: .parts(parts, change))
            self.repeats = repeats
            self.isPadded = isPadded
        }

        /// A tensor.
        @inline(never)
        init(_ name: TensorPattern, _ shape: [Dimension], values: Values) {
            self.name = name
            self.shape = shape
            self.values = values
        }

        /// A tensor that is a part of the first source.
        @inline(never)
        init(_ name: String, _ shape: [Dimension], _ view: TensorView) {
            self.init(name, shape, [Part(0, view)])
        }

        /// A tensor with values of its own kind.
        @inline(never)
        init(_ name: String, _ shape: [Dimension], values: Values) {
            self.init(TensorPattern(name), shape, values: values)
        }
    }

    /// A source, or a part of it; of a source with one tensor for each expert, all in turn.
    public struct Part: Sendable {
        /// The number of the source.
        public let source: Int
        /// The elements that are taken; `nil` for all as they are stored.
        public let view: TensorView?
        /// What its values are multiplied by, one after another.
        public let factors: [Factor]
        /// Whether as many zeros stand in place of the elements.
        public let isZero: Bool

        /// A part.
        @inline(never)
        public init(_ source: Int, _ view: TensorView? = nil, times factors: [Factor] = []) {
            self.source = source
            self.view = view
            self.factors = factors
            isZero = false
        }

        /// As many zeros as these elements are.
        @inline(never)
        public init(zerosOf source: Int, _ view: TensorView) {
            self.source = source
            self.view = view
            factors = []
            isZero = true
        }
    }

    /// A number of the configuration; 1, or another that no configuration changes, where it does not
    /// say.
    public struct Factor: Sendable, Hashable {
        /// The key.
        public let key: String
        /// Which of a list of numbers.
        public let index: Int?
        /// The number where the configuration has no such key.
        public let standard: Double
        /// Whether it is the block's in a list.
        public let isByBlock: Bool

        /// The number under a key, or one of the list there.
        @inline(never)
        public init(_ key: String, _ index: Int? = nil) {
            self.key = key
            self.index = index
            isByBlock = false
            standard = 1
        }

        /// A number that no configuration changes.
        @inline(never)
        public init(constant: Double) {
            key = ""
            index = nil
            isByBlock = false
            standard = constant
        }

        /// The block's number in the list under a key.
        @inline(never)
        public init(byBlock key: String) {
            self.key = key
            index = nil
            isByBlock = true
            standard = 1
        }

        /// The number in a model of this configuration.
        public func value(
            in configuration: ModelConfiguration
        ) throws(ArchitectureError) -> Double {
            guard !key.isEmpty, let found = configuration[key] else { return standard }
            let number: JSON?
            if let index = isByBlock ? configuration.block : index {
                number = found.array.flatMap { $0.indices.contains(index) ? $0[index] : nil }
            } else {
                number = found
            }
            guard let value = number?.double, value.isFinite, value != 0 else {
                throw configuration.fault(
                    .invalidValue(
                        found: number?.kindName ?? found.kindName,
                        expected: "a finite number other than 0"), key)
            }
            return value
        }
    }

    /// What is read.
    public internal(set) var sources: [Source]
    /// What is written.
    public internal(set) var outputs: [Output]
    /// Whether the outputs must be there.
    public let presence: Presence
    /// The blocks that the rule is about.
    public internal(set) var condition = Condition.always
    /// Whether the outputs come first in the file, in front of all that is in the checkpoint's
    /// order.
    public let isLeading: Bool
    /// Whether the outputs come last in the file.
    public let isTrailing: Bool
    /// Whether the source is a second copy of the token embeddings, of which nothing is written.
    public let isCopy: Bool
    /// Whether the values that no output has are ones that no model uses; an export writes zeros.
    public let leavesUnused: Bool

    /// Declares a rule about any number of tensors.
    @inline(never)
    init(
        _ sources: [Source], into outputs: [Output], presence: Presence = .required,
        isLeading: Bool = false, isTrailing: Bool = false, isCopy: Bool = false,
        leavesUnused: Bool = false
    ) {
        self.sources = sources
        self.outputs = outputs
        self.presence = presence
        self.isLeading = isLeading
        self.isTrailing = isTrailing
        self.isCopy = isCopy
        self.leavesUnused = leavesUnused
    }

    /// Declares a rule about one tensor, which has the dimensions `shape` in the GGUF file.
    @inline(never)
    init(
        _ pattern: String, _ name: String, _ shape: [Dimension], presence: Presence = .required,
        transform: TensorTransform = .none, times factors: [Factor] = []
    ) {
        var stored = shape
        var view: TensorView?
        switch transform {
        case .none, .plusOne: break
        case .rotaryPairs(let heads):
            view = .rotaryPairs(
                heads: heads == .query ? .headCount : .keyValueHeadCount, of: shape)
        case .transposed:
            stored = shape.reversed()
            view = .reshaped(stored).permuted([1, 0])
        }
        self.init(
            [Source(pattern, stored)],
            into: [
                Output(
                    name, shape, [Part(0, view, times: factors)],
                    change: transform == .plusOne ? .plus(1) : .none)
            ],
            presence: presence)
    }

    /// Whether it makes queries of attention.
    var makesQueries: Bool { outputs.contains { $0.name.text.contains(".attn_q") } }

    /// Whether there are such tensors in every block.
    public var isPerBlock: Bool { sources.contains { $0.pattern.isPerBlock } }
}
