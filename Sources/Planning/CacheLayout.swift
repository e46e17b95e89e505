import Quantization
import TensorCore

/// What a model keeps of the texts that it runs: for every layer the keys and values of each token,
/// the state of each text, or both.
///
/// The numbers of bytes are those that llama.cpp allocates.
public struct CacheLayout: Sendable, Hashable {
    /// What attention keeps of a token.
    public struct Attention: Sendable, Hashable {
        /// The number of key and value heads; 1 where all heads share a latent row.
        public var headCount: Int
        /// The numbers of a head's key.
        public var keyLength: Int
        /// The numbers of a head's value; 0 where the keys serve as values (latent attention).
        public var valueLength: Int
        /// How many tokens a query sees, its own included; `nil` for all before it.
        public var window: Int?

        /// Describes what is kept.
        public init(headCount: Int, keyLength: Int, valueLength: Int, window: Int? = nil) {
            self.headCount = headCount
            self.keyLength = keyLength
            self.valueLength = valueLength
            self.window = window
        }
    }

    /// What a layer keeps.
    public struct Layer: Sendable, Hashable {
        /// What attention keeps of each token.
        public var attention: Attention?
        /// The numbers (F32) of the state of each text.
        public var stateLength: Int

        /// Describes a layer.
        public init(attention: Attention? = nil, stateLength: Int = 0) {
            self.attention = attention
            self.stateLength = stateLength
        }
    }

    /// How the layers were found.
    public enum Origin: String, Sendable, Hashable, Encodable {
        /// From the description by which Ingot runs the family.
        case family
        /// From the metadata's keys alone: Ingot does not run the architecture.
        case keys
    }

    /// The layers, first to last.
    public let layers: [Layer]
    /// How they were found.
    public let origin: Origin

    /// A cache of these layers.
    public init(layers: [Layer], origin: Origin = .family) {
        self.layers = layers
        self.origin = origin
    }

    /// The bytes of keys and values that are allocated for all slots.
    ///
    /// - Parameter deviceCount: How many devices share the heads; the bytes are those of one of them,
    ///   which keeps at least one head, or the latent row, whole.
    /// - Throws: `PlanningError` when rows are no whole blocks of a format, or the bytes cannot be
    ///   counted.
    /// - Complexity: O(layers).
    public func cacheByteCount(
        _ shape: ServingShape, deviceCount: Int = 1
    ) throws(PlanningError) -> Int {
        var total = 0
        for layer in layers {
            guard var attention = layer.attention else { continue }
            attention.headCount = attention.headCount.dividedRoundingUp(by: deviceCount)
            let cells = attention.window.map { shape.cells(window: $0) } ?? shape.cells
            let row = try attention.rowByteCount(shape)
            guard
                let bytes = row.multiplied(checkedBy: cells)?
                    .multiplied(checkedBy: shape.streamCount),
                let sum = total.adding(checked: bytes)
            else { throw PlanningError(.tooLarge) }
            total = sum
        }
        return total
    }

    /// The bytes of the states of all slots, which do not grow with the context.
    ///
    /// - Throws: `PlanningError` when they cannot be counted.
    public func stateByteCount(slots: Int) throws(PlanningError) -> Int {
        var total = 0
        for layer in layers {
            guard let bytes = layer.stateLength.multiplied(checkedBy: 4 * slots),
                let sum = total.adding(checked: bytes)
            else { throw PlanningError(.tooLarge) }
            total = sum
        }
        return total
    }

    /// The bytes that a step reads of one text's cache and states when the text has `length` tokens.
    ///
    /// - Throws: `PlanningError` as `cacheByteCount`.
    public func readByteCount(
        length: Int, _ shape: ServingShape
    ) throws(PlanningError) -> Double {
        var total = 0.0
        for layer in layers {
            // A state is read and written.
            total += 8 * Double(layer.stateLength)
            guard let attention = layer.attention else { continue }
            let seen = min(length, attention.window ?? length)
            total += Double(try attention.rowByteCount(shape)) * Double(seen)
        }
        return total
    }

    /// The bytes that one more token of one text takes, once windows are full.
    ///
    /// - Throws: `PlanningError` as `cacheByteCount`.
    public func tokenByteCount(_ shape: ServingShape) throws(PlanningError) -> Int {
        var total = 0
        for layer in layers {
            guard let attention = layer.attention, attention.window == nil else { continue }
            guard let sum = total.adding(checked: try attention.rowByteCount(shape)) else {
                throw PlanningError(.tooLarge)
            }
            total = sum
        }
        return total
    }
}

extension CacheLayout.Attention {
    /// Whether one row serves as key and value of all heads.
    var isLatent: Bool { valueLength == 0 }

    /// The bytes of a token's keys and values.
    func rowByteCount(_ shape: ServingShape) throws(PlanningError) -> Int {
        func bytes(_ length: Int, _ format: Format) throws(PlanningError) -> Int {
            guard length > 0, headCount > 0 else { return 0 }
            // Blocks do not reach across heads.
            guard format.fits(rowLength: length) else {
                throw PlanningError(
                    .cacheRow(
                        format: format.name, length: length, block: format.blockElementCount))
            }
            guard let bytes = format.byteCount(rowLength: length, rowCount: headCount) else {
                throw PlanningError(.tooLarge)
            }
            return bytes
        }
        let keys = try bytes(keyLength, shape.keyFormat)
        guard let sum = keys.adding(checked: try bytes(valueLength, shape.valueFormat)) else {
            throw PlanningError(.tooLarge)
        }
        return sum
    }
}

extension CacheLayout {
    /// The layers in words: `24 layers: 4 see everything, 20 a window of 1024`.
    public var summary: String {
        var parts: [String] = []
        func add(_ count: Int, _ words: String) {
            if count > 0 { parts.append("\(count) \(words)") }
        }
        let attention = layers.compactMap(\.attention)
        let latent = attention.count { $0.isLatent && $0.window == nil }
        add(attention.count { $0.window == nil } - latent, "with full attention")
        add(latent, "with latent attention")
        for window in Set(attention.compactMap(\.window)).sorted() {
            add(attention.count { $0.window == window }, "with a window of \(window)")
        }
        add(layers.count { $0.stateLength > 0 }, "with a state")
        add(
            layers.count { $0.attention == nil && $0.stateLength == 0 },
            "that keep nothing of their own")
        return "\(layers.count) layers: " + parts.joined(separator: ", ")
    }
}
