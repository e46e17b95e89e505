import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a token does with a head's matrix in RWKV's time mix.
struct Association: Sendable {
    /// One head of a token.
    struct Token {
        let receptance: UnsafePointer<Float>
        let key: UnsafePointer<Float>
        let value: UnsafePointer<Float>
        let decay: UnsafePointer<Float>
        let rate: UnsafePointer<Float>
        let state: UnsafeMutablePointer<Float>
        /// Room for `spareCount` floats.
        let spare: UnsafeMutablePointer<Float>
        let result: UnsafeMutablePointer<Float>
    }

    /// Places of the tensors of RWKV 7's rule.
    private struct Delta {
        let removal: Int
        let replacement: Int
        let bonus: Int
    }

    private enum Update {
        case bonus(Int)
        case gated
        case delta(Delta)
    }

    private let length: Int
    private let norm: Norm?
    private let update: Update

    /// What the kernel needs, decays, keys, what is removed, and what is learned.
    var spareCount: Int { 5 * length }

    init(
        _ mix: BlockDescription.TimeMix, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        length = mix.headLength
        if let norm = mix.norm {
            var plan = Norm(kind: norm.kind, epsilon: norm.epsilon, count: length)
            plan.weight = try layout.tensor(ifNamed: norm.weight, shape: [mix.width])
            plan.bias = try layout.tensor(ifNamed: norm.bias, shape: [mix.width])
            plan.headStride = length
            self.norm = plan
        } else {
            norm = nil
        }
        switch mix.update {
        case .bonus(let name):
            update = .bonus(try layout.tensor(name, shape: [mix.headCount, length]))
        case .gated: update = .gated
        case .delta(let delta):
            update = .delta(
                Delta(
                    removal: try layout.tensor(delta.removal, shape: [mix.width]),
                    replacement: try layout.tensor(delta.replacement, shape: [mix.width]),
                    bonus: try layout.tensor(delta.bonus, shape: [mix.width])))
        }
    }

    /// One head of one token, with the norm of its result.
    func run(_ token: Token, head: Int, _ weights: UnsafePointer<Float>) {
        switch update {
        case .bonus(let place):
            decay(token) { exp(-exp($0)) }
            step(token, key: token.key, bonus: weights + place + head * length)
            normalise(token, head: head, weights)
        case .gated:
            decay(token) { exp(-exp($0)) }
            let (decays, key) = (token.spare + length, token.spare + 2 * length)
            for index in 0..<length { key[index] = token.key[index] * (1 - decays[index]) }
            step(token, key: key)
            ingot_scale(token.result, 1 / Float(length).squareRoot(), length)
            normalise(token, head: head, weights)
        case .delta(let delta): run(token, delta, head: head, weights)
        }
    }

    private func normalise(_ token: Token, head: Int, _ weights: UnsafePointer<Float>) {
        norm?.apply(weights, token.result, into: token.result, head: head)
    }

    /// What is left of every row of the state.
    private func decay(_ token: Token, _ function: (Float) -> Float) {
        let decays = token.spare + length
        for index in 0..<length { decays[index] = function(token.decay[index]) }
    }

    private func step(
        _ token: Token, key: UnsafePointer<Float>, bonus: UnsafePointer<Float>? = nil,
        removal: UnsafePointer<Float>? = nil, learning: UnsafePointer<Float>? = nil
    ) {
        ingot_association_step(
            token.state, token.receptance, key, token.value, token.spare + length, bonus, removal,
            learning, length, length, token.spare, token.result)
    }

    private func run(
        _ token: Token, _ delta: Delta, head: Int, _ weights: UnsafePointer<Float>
    ) {
        // The logarithm of the strongest decay is −e^(−1/2), as RWKV 7's code has it.
        decay(token) { exp(-0.606531 * sigmoid($0)) }
        let (key, removal, learning) = (
            token.spare + 2 * length, token.spare + 3 * length, token.spare + 4 * length
        )
        let first = head * length
        var power: Float = 0
        for index in 0..<length {
            let removed = token.key[index] * weights[delta.removal + first + index]
            removal[index] = removed
            power += removed * removed
        }
        ingot_scale(removal, 1 / max(power.squareRoot(), 1e-12), length)
        var share: Float = 0
        for index in 0..<length {
            let rate = sigmoid(token.rate[index])
            learning[index] = -rate * removal[index]
            let replaced = weights[delta.replacement + first + index]
            key[index] = token.key[index] * (1 + (rate - 1) * replaced)
            share +=
                token.receptance[index] * key[index] * weights[delta.bonus + first + index]
        }
        step(token, key: key, removal: removal, learning: learning)
        normalise(token, head: head, weights)
        ingot_add_scaled(token.result, token.value, share, length)
    }
}
