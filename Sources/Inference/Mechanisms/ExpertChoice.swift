import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Chooses experts by their ratings, one token after the other.
struct ExpertChoice {
    private let experts: BlockDescription.Experts
    private let bias: UnsafePointer<Float>?
    private let scales: UnsafePointer<Float>?
    /// What the choice goes by; −∞ for what is out of the question.
    private var merits: [Float]
    private var groupMerits: [Float] = []

    /// - Parameters:
    ///   - bias: What is added to the scores for the choice, one for each expert.
    ///   - scales: What weights are multiplied by in the end, one for each expert.
    init(
        _ experts: BlockDescription.Experts, bias: UnsafePointer<Float>?,
        scales: UnsafePointer<Float>? = nil
    ) {
        self.experts = experts
        self.bias = bias
        self.scales = scales
        merits = [Float](repeating: 0, count: experts.count)
    }

    /// Chooses the experts of one token and their weights, best first; of equals the first.
    ///
    /// - Parameters:
    ///   - ratings: What the router says; scores take their place.
    ///   - given: The experts, where they do not go by ratings.
    mutating func choose(
        _ ratings: UnsafeMutablePointer<Float>, experts chosen: UnsafeMutablePointer<Int32>,
        weights: UnsafeMutablePointer<Float>, given: ArraySlice<Int32>? = nil
    ) {
        switch experts.scoring {
        case .softmax: ingot_softmax(ratings, experts.count, -.infinity)
        case .sigmoid:
            for expert in 0..<experts.count {
                ratings[expert] = sigmoid(ratings[expert])
            }
        case .softplusRoot:
            for expert in 0..<experts.count {
                ratings[expert] = softplus(ratings[expert]).squareRoot()
            }
        case .softmaxOfChosen, .sparseMixer: break
        }
        for expert in 0..<experts.count { merits[expert] = ratings[expert] + (bias?[expert] ?? 0) }
        if let groups = experts.groups { keepBest(groups) }
        for rank in 0..<experts.usedCount {
            let best =
                given.map { Int($0[$0.startIndex + rank]) } ?? ExpertChoice.best(of: merits[...])
            if case .sparseMixer(let tolerance) = experts.scoring {
                weights[rank] = share(of: best, among: ratings, tolerance: tolerance)
            } else {
                weights[rank] = ratings[best]
            }
            merits[best] = -.infinity
            chosen[rank] = Int32(best)
        }
        if experts.scoring == .softmaxOfChosen {
            ingot_softmax(weights, experts.usedCount, -.infinity)
        }
        if experts.normalisesWeights {
            let sum = (0..<experts.usedCount).reduce(Float(0)) { $0 + weights[$1] }
            // All scores may be too small for F32.
            if sum > 0 { ingot_scale(weights, 1 / sum, experts.usedCount) }
        }
        if experts.weightScale != 1 {
            ingot_scale(weights, experts.weightScale, experts.usedCount)
        }
        if let scales {
            for rank in 0..<experts.usedCount { weights[rank] *= scales[Int(chosen[rank])] }
        }
    }

    /// The best one's part in a softmax over those left that are close to it.
    private func share(
        of best: Int, among ratings: UnsafePointer<Float>, tolerance: Float
    ) -> Float {
        var sum: Float = 0
        for expert in merits.indices where merits[expert] > -.infinity {
            let size = max(abs(ratings[expert]), ratings[best])
            if (ratings[best] - ratings[expert]) / size > tolerance { continue }
            sum += exp(ratings[expert] - ratings[best])
        }
        return 1 / sum
    }

    /// Puts the experts of all but the best groups out of the question.
    private mutating func keepBest(_ groups: BlockDescription.Experts.Groups) {
        let size = experts.count / groups.count
        groupMerits = (0..<groups.count).map { group in
            let members = merits[group * size..<(group + 1) * size]
            let first = ExpertChoice.best(of: members)
            switch groups.score {
            case .largest: return members[first]
            case .topTwoSum:
                let others = members.indices.lazy.filter { $0 != first }.map { members[$0] }
                return members[first] + (others.max() ?? 0)
            }
        }
        for _ in 0..<groups.count - groups.usedCount {
            let worst =
                groupMerits.indices.reversed().min { groupMerits[$0] < groupMerits[$1] } ?? 0
            groupMerits[worst] = .infinity
            for expert in worst * size..<(worst + 1) * size { merits[expert] = -.infinity }
        }
    }

    private static func best(of merits: ArraySlice<Float>) -> Int {
        var best = merits.startIndex
        for index in merits.indices where merits[index] > merits[best] { best = index }
        return best
    }
}
