import Architectures

extension DecoderVariant {
    /// What encoders have beyond decoders.
    static let encoders: [DecoderVariant] = [
        DecoderVariant(blocks: "attention to both sides") { $0.attention.isCausal = false },
        DecoderVariant(blocks: "a window to both sides") {
            $0.attention.isCausal = false
            $0.attention.window = 6
        },
        DecoderVariant(blocks: "a window of odd length to both sides") {
            $0.attention.isCausal = false
            $0.attention.window = 5
        },
        DecoderVariant(blocks: "scores that fall to both sides") {
            $0.attention.isCausal = false
            $0.attention.alibiBias = 8
        },
        DecoderVariant(blocks: "learned biases for distances") {
            $0.attention.isCausal = false
            $0.attention.rotary = nil
            // The texts are as long as the last bucket begins.
            $0.attention.relativeBias = .init("bias.weight", bucketCount: 12, longest: 11)
        },
        DecoderVariant("short convolutions to both sides") {
            var recurrence = shortConvolution(0, length: 5)
            guard case .shortConvolution(var convolution) = recurrence.kind else { return }
            convolution.isCentred = true
            recurrence.kind = .shortConvolution(convolution)
            $0.blocks[0].mixer = .recurrence(recurrence)
            $0.blocks[1].attention.isCausal = false
        },
        DecoderVariant("segments, positions and norms of sums") {
            $0.segmentEmbedding = "token_types.weight"
            $0.positionEmbedding = "position_embd.weight"
            $0.outputNorm = nil
            for index in $0.blocks.indices {
                let name = "blk.\(index)"
                $0.blocks[index].attention.isCausal = false
                $0.blocks[index].attentionNorm = nil
                $0.blocks[index].feedForwardNorm = nil
                $0.blocks[index].mixerSumNorm = .init(
                    .layer, epsilon: 1e-5, weight: name + ".sum1", bias: name + ".sum1_bias")
                $0.blocks[index].feedForwardSumNorm = .init(
                    .layer, epsilon: 1e-5, weight: name + ".sum2", bias: name + ".sum2_bias")
            }
        },
    ]
}
