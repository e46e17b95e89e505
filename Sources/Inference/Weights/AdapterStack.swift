import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The adapters that the rows of a group take; 0 for none.
struct RowAdapters: Sendable {
    /// Of all rows.
    private(set) var all: [Int] = []
    /// Of the wanted ones, moved together.
    private(set) var wanted: [Int] = []

    /// With a further stretch's rows.
    func adding(_ adapters: [Int], wanted range: Range<Int>) -> RowAdapters {
        var result = self
        result.all += adapters
        result.wanted += adapters[range]
        return result
    }

    /// Wants all rows.
    mutating func keepAll() { wanted = all }

    /// Of a linear layer's rows, which are all or the wanted ones.
    func of(rowCount: Int) -> [Int] { rowCount == all.count ? all : wanted }
}

/// The adapters (LoRA) of some outputs of a stack, decoded in the block's buffer.
struct AdapterStack: Sendable {
    /// The outputs of the stack that are changed.
    let outputs: Range<Int>
    private let inputs: Int
    private let rank: Int
    /// Where the matrices are, adapter after adapter.
    private let first: Int
    private let second: Int

    /// - Parameter start: The outputs of the stack before those of the matrix.
    init(
        _ description: BlockDescription.Adapters, behind start: Int, inputs: Int,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        outputs = start + description.outputs.lowerBound..<start + description.outputs.upperBound
        (self.inputs, rank) = (inputs, description.rank)
        first = try layout.tensor(
            description.first, shape: [description.count, description.rank, inputs])
        second = try layout.tensor(
            description.second,
            shape: [description.count, description.outputs.count, description.rank])
    }

    /// Adds what each row's adapter makes of it.
    ///
    /// - Parameter wanted: The outputs of the stack that are in `result`.
    func add(
        _ choices: RowAdapters, to input: UnsafePointer<Float>, rows: Int,
        into result: UnsafeMutablePointer<Float>, strides: (input: Int, result: Int),
        outputs wanted: Range<Int>, _ weights: UnsafePointer<Float>, _ products: MatrixProducts
    ) {
        let adapters = choices.of(rowCount: rows)
        let own = outputs.clamped(to: wanted)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rank) { short in
            guard let short = short.baseAddress else { return }
            for (row, adapter) in adapters.enumerated() where adapter > 0 {
                products.timesTransposed(
                    input + row * strides.input, weights + first + adapter * rank * inputs,
                    into: short, rows: 1, columns: rank, inner: inputs,
                    strides: (inputs, inputs, rank))
                let matrix =
                    second
                    + (adapter * outputs.count + own.lowerBound - outputs.lowerBound) * rank
                products.timesTransposed(
                    short, weights + matrix,
                    into: result + row * strides.result + own.lowerBound - wanted.lowerBound,
                    rows: 1, columns: own.count, inner: rank, strides: (rank, rank, own.count),
                    keep: 1)
            }
        }
    }
}

extension AdapterChoice {
    /// The numbers that a sequence keeps: the sum of the adapters told so far, how many were, and how
    /// many other tokens there were.
    static let stateCount = 3

    /// The token whose embedding a token has.
    func substitute(for token: Int32) -> Int32 {
        tokens.firstIndex(of: token).map { substitutes[$0] } ?? token
    }

    /// The adapters that tokens take; the state after them is kept.
    ///
    /// - Complexity: O(tokens · adapters).
    func adapters(of text: [Int32], _ state: RecurrentState?) -> [Int] {
        var numbers = (0..<AdapterChoice.stateCount).map { state?.base[$0] ?? 0 }
        let share = exp(-2 * gain)
        let result = text.map { token in
            if let index = tokens.firstIndex(of: token) {
                numbers[0] += Float(index + 1)
                numbers[1] += 1
            } else {
                numbers[2] += 1
            }
            guard numbers[1] > 0 else { return 0 }
            let seen = numbers[0] / (numbers[1] + numbers[2] * share)
            return Int(min(max(seen, 0), Float(tokens.count)).rounded())
        }
        if let state {
            for index in numbers.indices { state.next[index] = numbers[index] }
        }
        return result
    }
}
