import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension DecoderFamily {
    /// Apertus: norms of every head, and an activation whose shape each block has learned.
    static let apertus = DecoderFamily(architectures: ["apertus"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.headNorms = .head
        style.network = .plain
        let blockCount = try model.blockCount()
        let alphaP = try model.numbers("xielu.alpha_p", blockCount: blockCount)
        let alphaN = try model.numbers("xielu.alpha_n", blockCount: blockCount)
        let beta = try model.numbers("xielu.beta", blockCount: blockCount)
        let limit = try model.numbers("xielu.eps", blockCount: blockCount)
        return try model.decoder(style) { index, block in
            guard case .dense(var network) = block.feedForward else { return }
            network.activation = .xIELU(
                quadratic: softplus(alphaP[index]),
                exponential: beta[index] + softplus(alphaN[index]),
                linear: beta[index], limit: limit[index])
            block.feedForward = .dense(network)
        }
    }
}

/// The logarithm of `1 + e^x`.
private func softplus(_ x: Float) -> Float { max(x, 0) + log1p(exp(-abs(x))) }
