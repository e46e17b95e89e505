/// What some windows of an evaluation gave, token by token, so that statistics can be made of several
/// parts as if all had been run at once: the same additions in the same order.
///
/// 8 bytes for a scored token, and 17 more for each quantized model.
public struct EvaluationValues: Sendable, Hashable {
    /// The values of one quantized model.
    public struct Level: Sendable, Hashable {
        /// `−ln Q(correct)` of each scored token.
        var surprises: [Double] = []
        /// `KL(P‖Q)` of each, in nats.
        var divergences: [Double] = []
        /// 1 where both models prefer the same token, else 0.
        var sameTops: [UInt8] = []
    }

    /// The first window's number in the text.
    public let firstWindow: Int
    /// The scored tokens of each window.
    public private(set) var counts: [Int] = []
    private var surprises: [Double] = []
    private var levels: [Level]

    /// No windows.
    public init(firstWindow: Int, levelCount: Int) {
        self.firstWindow = firstWindow
        levels = (0..<levelCount).map { _ in Level() }
    }

    /// The windows' numbers.
    public var windows: Range<Int> { firstWindow..<firstWindow + counts.count }
    /// The number of quantized models.
    public var levelCount: Int { levels.count }

    mutating func add(baseSurprise: Double) { surprises.append(baseSurprise) }

    mutating func add(_ token: TokenComparison, level: Int) {
        levels[level].surprises.append(token.negativeLogLikelihood)
        levels[level].divergences.append(token.divergence)
        levels[level].sameTops.append(token.sameTop ? 1 : 0)
    }

    mutating func endWindow(scored count: Int) { counts.append(count) }

    /// Adds the values to statistics, token by token.
    func replay(into base: inout PerplexityAccumulator, _ accumulators: inout [LevelAccumulator]) {
        var token = 0
        for count in counts {
            for index in token..<token + count {
                base.add(negativeLogLikelihood: surprises[index])
                for level in levels.indices {
                    accumulators[level].add(
                        TokenComparison(
                            baseNegativeLogLikelihood: surprises[index],
                            negativeLogLikelihood: levels[level].surprises[index],
                            divergence: levels[level].divergences[index],
                            sameTop: levels[level].sameTops[index] == 1))
                }
            }
            token += count
            base.endWindow()
            for level in accumulators.indices { accumulators[level].endWindow() }
        }
    }
}

extension EvaluationValues {
    /// Windows, tokens and models.
    private static let headByteCount = 32

    /// The values as bytes: first window, windows, tokens and models (8 bytes each, little-endian), the
    /// tokens of each window (4 bytes), the base's values (8 bytes each), and for each model its two
    /// lists of 8 bytes a token and one of a byte.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        for number in [firstWindow, counts.count, surprises.count, levels.count] {
            append(UInt64(number))
        }
        for count in counts { append(UInt32(count)) }
        for value in surprises { append(value.bitPattern) }
        for level in levels {
            for value in level.surprises + level.divergences { append(value.bitPattern) }
            bytes += level.sameTops
        }
        return bytes
    }

    /// Reads values; `nil` where the bytes are none.
    public init?(bytes: ArraySlice<UInt8>) {
        let start = bytes.startIndex
        func integer<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value {
            bytes.withUnsafeBytes {
                Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type))
            }
        }
        guard bytes.count >= EvaluationValues.headByteCount else { return nil }
        let head = (0..<4).map { Int(exactly: integer(UInt64.self, at: 8 * $0)) ?? Int.max }
        let (windowCount, tokenCount, levelCount) = (head[1], head[2], head[3])
        guard head[0] < Int32.max, windowCount <= bytes.count / 4, tokenCount <= bytes.count / 8,
            levelCount < 1 << 16, tokenCount == 0 || levelCount <= bytes.count / (17 * tokenCount),
            EvaluationValues.headByteCount + 4 * windowCount + tokenCount * (8 + 17 * levelCount)
                == bytes.count
        else { return nil }
        self.init(firstWindow: head[0], levelCount: levelCount)
        var offset = EvaluationValues.headByteCount
        for _ in 0..<windowCount {
            counts.append(Int(integer(UInt32.self, at: offset)))
            offset += 4
        }
        guard counts.reduce(0, +) == tokenCount else { return nil }
        func doubles() -> [Double] {
            defer { offset += 8 * tokenCount }
            return (0..<tokenCount).map {
                Double(bitPattern: integer(UInt64.self, at: offset + 8 * $0))
            }
        }
        surprises = doubles()
        for level in 0..<levelCount {
            levels[level].surprises = doubles()
            levels[level].divergences = doubles()
            levels[level].sameTops = Array(bytes[start + offset..<start + offset + tokenCount])
            offset += tokenCount
        }
        let all = [surprises] + levels.flatMap { [$0.surprises, $0.divergences] }
        guard all.allSatisfy({ $0.allSatisfy(\.isFinite) }) else { return nil }
    }
}

extension Evaluator {
    /// Windows that were evaluated in several runs, put together in their order: bit for bit what one
    /// run over all of them gives, where processors give the same logits.
    public struct Joining: Sendable {
        private var base = PerplexityAccumulator()
        private var levels: [LevelAccumulator]

        /// No windows yet.
        public init(levelCount: Int) {
            levels = (0..<levelCount).map { _ in LevelAccumulator() }
        }

        /// Adds windows; they follow those before and have as many models.
        public mutating func add(_ values: EvaluationValues) {
            precondition(values.levelCount == levels.count, "values of other models")
            values.replay(into: &base, &levels)
        }

        /// What all windows say.
        ///
        /// - Parameters:
        ///   - tokensRun: The tokens of all windows.
        ///   - seconds: What the runs took together.
        public func result(
            base name: String, levels names: [String], contextLength: Int, tokensRun: Int,
            seconds: Double
        ) -> Result {
            Result(
                base: base.result(model: name, contextLength: contextLength),
                levels: zip(names, levels).map { $1.result(model: $0) }, warnings: [],
                seconds: seconds, tokensPerSecond: Double(tokensRun) / max(seconds, 1e-9))
        }
    }
}

/// Keeps what the windows of a part give.
public final class EvaluationRecorder {
    /// The windows that are run.
    public let windows: Range<Int>
    /// What they gave.
    public internal(set) var values: EvaluationValues

    /// Prepares to keep what some windows give for so many quantized models.
    public init(windows: Range<Int>, levelCount: Int) {
        self.windows = windows
        values = EvaluationValues(firstWindow: windows.lowerBound, levelCount: levelCount)
    }
}
