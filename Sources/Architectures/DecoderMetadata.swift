import TensorCore

/// A model's metadata, read with GGUF's keys and defaults.
struct DecoderMetadata {
    let architecture: String
    let metadata: Metadata
    let hasTensor: (String) -> Bool
    let rowCount: (String) -> Int?
    let path: String

    /// More blocks, heads or columns than this no model has; it keeps products far from overflow.
    static let largest = 1 << 24

    /// The most experts that are believed; the largest models have about 500.
    static let mostExperts = 1 << 16

    /// The most blocks that are believed; the deepest models have about 130.
    static let mostBlocks = 4096

    func key(_ suffix: String) -> String { "\(architecture).\(suffix)" }

    func missing(_ suffix: String) -> DecoderDescriptionError {
        DecoderDescriptionError(.missingKey, path: path, key: key(suffix))
    }

    func invalid(_ suffix: String, expected: String) -> DecoderDescriptionError {
        let found = metadata[key(suffix)].map { value in
            let text = "\(value)"
            return text.utf8.count > 60 ? value.typeName : text
        }
        return DecoderDescriptionError(
            .invalidValue(found: found ?? "nothing", expected: expected), path: path,
            key: key(suffix))
    }

    /// A positive count that must be there.
    func count(_ suffix: String) throws(DecoderDescriptionError) -> Int {
        guard let value = try optionalCount(suffix) else { throw missing(suffix) }
        return value
    }

    /// A positive count, `nil` when the key is missing.
    func optionalCount(_ suffix: String) throws(DecoderDescriptionError) -> Int? {
        guard let value = metadata[key(suffix)] else { return nil }
        guard let count = value.integer, count > 0, count <= DecoderMetadata.largest else {
            throw invalid(suffix, expected: "a number from 1 to \(DecoderMetadata.largest)")
        }
        return count
    }

    /// The number of blocks, without those that predict further tokens.
    func blockCount() throws(DecoderDescriptionError) -> Int {
        let further = try optionalCountOrZero("nextn_predict_layers") ?? 0
        var count = try count("block_count")
        guard further < count else {
            throw invalid("nextn_predict_layers", expected: "less than the \(count) blocks")
        }
        count -= further
        guard count <= DecoderMetadata.mostBlocks else {
            throw invalid("block_count", expected: "at most \(DecoderMetadata.mostBlocks)")
        }
        return count
    }

    /// A count for each block: one number for all, or an array, which may say 0 where `orZero`.
    func counts(
        _ suffix: String, blockCount: Int, orZero: Bool = false
    ) throws(DecoderDescriptionError) -> [Int]? {
        guard let value = metadata[key(suffix)] else { return nil }
        guard let counts = value.integers else {
            return [Int](repeating: try count(suffix), count: blockCount)
        }
        guard try isForEachBlock(counts.count, blockCount),
            counts.allSatisfy({ ($0 > 0 || orZero && $0 == 0) && $0 <= DecoderMetadata.largest })
        else { throw invalid(suffix, expected: "\(blockCount) positive numbers") }
        return Array(counts.prefix(blockCount))
    }

    /// Whether an array has a value for each block, those that predict further tokens left out or
    /// not.
    private func isForEachBlock(
        _ count: Int, _ blockCount: Int
    ) throws(DecoderDescriptionError) -> Bool {
        let further = try optionalCountOrZero("nextn_predict_layers") ?? 0
        return count == blockCount || count == blockCount + further
    }

    /// A finite number, `nil` when the key is missing.
    func number(_ suffix: String) throws(DecoderDescriptionError) -> Float? {
        guard let value = metadata[key(suffix)] else { return nil }
        guard let number = value.float ?? value.integer.map({ Float($0) }), number.isFinite else {
            throw invalid(suffix, expected: "a finite number")
        }
        return number
    }

    /// A finite number above zero, `nil` when the key is missing.
    func positiveNumber(_ suffix: String) throws(DecoderDescriptionError) -> Float? {
        guard let number = try number(suffix) else { return nil }
        guard number > 0 else { throw invalid(suffix, expected: "a number above 0") }
        return number
    }

    /// A finite number for each block, under a key that does not start with the architecture.
    func numbers(_ key: String, blockCount: Int) throws(DecoderDescriptionError) -> [Float] {
        func invalid(_ found: String) -> DecoderDescriptionError {
            DecoderDescriptionError(
                .invalidValue(found: found, expected: "\(blockCount) finite numbers"), path: path,
                key: key)
        }
        switch metadata[key] {
        case .float32s(let values)?:
            guard values.count == blockCount, values.allSatisfy(\.isFinite) else {
                throw invalid("\(values.count) numbers")
            }
            return values
        case .float32(let value)? where value.isFinite:
            return [Float](repeating: value, count: blockCount)
        case let value?: throw invalid(value.typeName)
        case nil: throw DecoderDescriptionError(.missingKey, path: path, key: key)
        }
    }

    /// The tensor's name when the model has it.
    func present(_ tensor: String) -> String? { hasTensor(tensor) ? tensor : nil }

    /// A matrix with its bias where the model has one.
    func projection(
        _ name: String, outputs: Int, inputs: Int
    ) -> BlockDescription.Projection {
        BlockDescription.Projection(
            "\(name).weight", bias: present("\(name).bias"), outputs: outputs, inputs: inputs)
    }

    /// Whether a switch is on; `standard` when the key is missing.
    func flag(_ suffix: String, standard: Bool) throws(DecoderDescriptionError) -> Bool {
        guard let value = metadata[key(suffix)] else { return standard }
        guard let flag = value.boolean else { throw invalid(suffix, expected: "true or false") }
        return flag
    }

    /// A text, `nil` when the key is missing.
    func text(_ suffix: String) throws(DecoderDescriptionError) -> String? {
        guard let value = metadata[key(suffix)] else { return nil }
        guard let text = value.text else { throw invalid(suffix, expected: "a string") }
        return text
    }

    /// The first count among `suffixes`; one of them must be there.
    func count(firstOf suffixes: [String]) throws(DecoderDescriptionError) -> Int {
        for suffix in suffixes {
            if let count = try optionalCount(suffix) { return count }
        }
        throw missing(suffixes[0])
    }

    /// A norm with the epsilon that the metadata must give, and the bias that the model may have.
    func norm(
        _ kind: BlockDescription.Norm.Kind, _ name: String
    ) throws(DecoderDescriptionError) -> BlockDescription.Norm {
        BlockDescription.Norm(
            kind, epsilon: try epsilon(of: kind), weight: "\(name).weight",
            bias: present("\(name).bias"))
    }

    /// The epsilon that the metadata must give for norms of a kind.
    func epsilon(of kind: BlockDescription.Norm.Kind) throws(DecoderDescriptionError) -> Float {
        let suffix =
            switch kind {
            case .rootMeanSquare: "attention.layer_norm_rms_epsilon"
            case .layer: "attention.layer_norm_epsilon"
            }
        var epsilon = try number(suffix)
        // Some files with RMS norms have the other key alone.
        if epsilon == nil { epsilon = try number("attention.layer_norm_epsilon") }
        guard let epsilon else { throw missing(suffix) }
        guard epsilon >= 0 else { throw invalid(suffix, expected: "a number not below 0") }
        return epsilon
    }

    /// The limit of queries, keys and values, `nil` where there is none, which files say with 0 too.
    func inputLimit() throws(DecoderDescriptionError) -> Float? {
        try number("attention.clamp_kqv").flatMap { $0 > 0 ? $0 : nil }
    }

    /// A limit for each block, `nil` where there is none, which files say with 0 or without the key.
    func limits(_ suffix: String) throws(DecoderDescriptionError) -> [Float?] {
        let blockCount = try blockCount()
        guard metadata[key(suffix)] != nil else { return .init(repeating: nil, count: blockCount) }
        guard case .float32s(let values)? = metadata[key(suffix)],
            try isForEachBlock(values.count, blockCount), values.allSatisfy(\.isFinite)
        else { throw invalid(suffix, expected: "\(blockCount) finite numbers") }
        return values.prefix(blockCount).map { $0 > 0 ? $0 : nil }
    }

    /// How many positions each block's queries see: `attention.sliding_window` where the pattern
    /// says so, `nil` where they see all.
    ///
    /// - Parameters:
    ///   - period: Every so many blocks one sees all, where the metadata give no pattern; 0 when
    ///     none does.
    ///   - first: Whether that is the first of so many, not the last.
    func windows(
        blockCount: Int, fullEvery period: Int, first: Bool = false
    ) throws(DecoderDescriptionError) -> [Int?] {
        let suffix = "attention.sliding_window"
        let none = [Int?](repeating: nil, count: blockCount)
        // A window of 0 says that there is none.
        guard let value = metadata[key(suffix)], value.integer != 0 else { return none }
        let window = try count(suffix)
        return try slides(
            blockCount: blockCount, fullEvery: period, first: first
        ).map { $0 ? window : nil }
    }

    /// Which blocks have a sliding window.
    private func slides(
        blockCount: Int, fullEvery period: Int, first: Bool
    ) throws(DecoderDescriptionError) -> [Bool] {
        let suffix = "attention.sliding_window_pattern"
        var period = period
        switch metadata[key(suffix)] {
        case nil: break
        case .bools(let pattern)?:
            guard try isForEachBlock(pattern.count, blockCount) else {
                throw invalid(suffix, expected: "\(blockCount) values")
            }
            return Array(pattern.prefix(blockCount))
        case let value? where value.integers != nil:
            let pattern = value.integers ?? []
            guard try isForEachBlock(pattern.count, blockCount) else {
                throw invalid(suffix, expected: "\(blockCount) values")
            }
            return pattern.prefix(blockCount).map { $0 != 0 }
        case let value?:
            guard let number = value.integer, (0...DecoderMetadata.mostBlocks).contains(number)
            else { throw invalid(suffix, expected: "a period, or true or false for each block") }
            period = number
        }
        return (0..<blockCount).map { period == 0 || ($0 + (first ? 0 : 1)) % period != 0 }
    }
}
