import Architectures

extension DecoderVariant {
    private typealias Block = BlockDescription

    /// Several residual streams, compressed attention, and experts of shorter rows.
    static let streams: [DecoderVariant] = [
        DecoderVariant("hyper-connections") { learned(&$0, count: 3, steps: 4) },
        DecoderVariant("hyper-connections that leave streams where they are") {
            learned(&$0, count: 2, steps: 0)
            $0.blocks[$0.blocks.count - 1].streams?.head = .mean
        },
        DecoderVariant("hyper-connections, experts") {
            learned(&$0, count: 2, steps: 2)
            for index in $0.blocks.indices { experts(&$0.blocks[index], shared: true) }
        },
        DecoderVariant("gated streams") { decoder in
            for index in decoder.blocks.indices {
                decoder.blocks[index].attentionNorm = nil
                decoder.blocks[index].feedForwardNorm = nil
                decoder.blocks[index].streams = .init(
                    count: 3, mixer: .gated(gated("blk.\(index).mixer")),
                    feedForward: .gated(gated("blk.\(index).ffn")))
            }
            decoder.blocks[decoder.blocks.count - 1].streams?.head = .connection(
                .gated(gated("head", injects: false)))
        },
        DecoderVariant("kept streams") { decoder in
            decoder.streamStart = .first
            let count = decoder.blocks.count
            for index in 0..<count {
                decoder.blocks[index].streams = .init(
                    count: count + 1,
                    mixer: .kept(
                        .init(
                            score: "blk.\(index).mixer_score", epsilon: 1e-5, keptCount: index,
                            keeps: true)),
                    feedForward: .kept(
                        .init(
                            score: "blk.\(index).ffn_score", epsilon: 1e-5, keptCount: index + 1)))
            }
            decoder.blocks[count - 1].streams?.head = .connection(
                .kept(.init(score: "head_score", epsilon: 1e-5, keptCount: count)))
        },
        DecoderVariant("stacks that are run in turns") { decoder in
            decoder.streamStart = .firstAnd("second_stream")
            let norm = Block.Norm(.rootMeanSquare, epsilon: 1e-5, weight: nil)
            let stacks = decoder.blocks
            decoder.blocks = (0..<4).map { pass in
                var block = stacks[pass % 2]
                block.streams = .init(
                    count: 3, mixer: .stacked(.init(begins: pass != 1)),
                    feedForward: .stacked(
                        pass == 0 ? .init() : .init(end: pass % 2, norm: norm)))
                return block
            }
            decoder.blocks[3].streams?.head = .stream(1)
        },
        DecoderVariant("experts of shorter rows") { decoder in
            for index in decoder.blocks.indices {
                experts(&decoder.blocks[index], shared: index == 0) {
                    let name = $0.router.weight
                    $0.scoring = .softplusRoot
                    $0.narrowing = .init(
                        down: .init(name + ".short", bias: nil, outputs: 12, inputs: 32),
                        norm: index == 0
                            ? nil : .init(.rootMeanSquare, epsilon: 1e-5, weight: name + ".norm"),
                        up: .init(name + ".long", bias: nil, outputs: 32, inputs: 12))
                    $0.network = network(name, hidden: 18, width: 12)
                }
            }
        },
        DecoderVariant("compressed attention") { decoder in
            for index in decoder.blocks.indices {
                decoder.blocks[index].mixer = .compressed(compressed(index, ratio: 3))
            }
        },
        DecoderVariant("compressed attention, overlapping and picked") { decoder in
            for index in decoder.blocks.indices {
                decoder.blocks[index].mixer = .compressed(
                    compressed(index, ratio: index == 0 ? 0 : 2, picks: 2))
            }
        },
    ]

    private static func learned(_ decoder: inout DecoderDescription, count: Int, steps: Int) {
        func connection(_ name: String, outputs: Int) -> Block.LearnedConnection {
            .init(
                matrix: .init(name + "_fn", bias: nil, outputs: outputs, inputs: count * 32),
                base: name + "_base", scale: name + "_scale", stepCount: steps, epsilon: 1e-3,
                normEpsilon: 1e-5, magnitude: 1.5, postEpsilon: steps > 0 ? 0 : 1e-3)
        }
        let outputs = count * (steps > 0 ? 2 + count : 2)
        for index in decoder.blocks.indices {
            decoder.blocks[index].streams = .init(
                count: count,
                mixer: .learned(connection("blk.\(index).hc_attn", outputs: outputs)),
                feedForward: .learned(connection("blk.\(index).hc_ffn", outputs: outputs)))
        }
        decoder.blocks[decoder.blocks.count - 1].streams?.head = .learned(
            connection("output_hc", outputs: count))
    }

    private static func gated(_ name: String, injects: Bool = true) -> Block.GatedConnection {
        .init(
            norm: .init(.rootMeanSquare, epsilon: 1e-5, weight: name + "_norm"),
            down: .init(name + "_down", bias: nil, outputs: 5, inputs: 96),
            up: .init(name + "_up", bias: nil, outputs: 96, inputs: 5),
            inject: injects ? .init(name + "_inject", bias: nil, outputs: 3, inputs: 96) : nil)
    }

    private static func network(_ name: String, hidden: Int, width: Int = 32) -> Block.Network {
        .init(
            activation: .situ(beta: 1.5, linear: 2), isGated: true,
            input: [
                .init(name + ".gate", bias: nil, outputs: hidden, inputs: width),
                .init(name + ".up", bias: nil, outputs: hidden, inputs: width),
            ], output: .init(name + ".down", bias: nil, outputs: width, inputs: hidden))
    }

    private static func experts(
        _ block: inout Block, shared: Bool, _ change: (inout Block.Experts) -> Void = { _ in }
    ) {
        let name = block.attention.output.weight + ".experts"
        var experts = Block.Experts(
            count: 5, usedCount: 2,
            router: .init(name + ".router", bias: nil, outputs: 5, inputs: 32), scoring: .sigmoid,
            normalisesWeights: true, network: network(name, hidden: 18))
        if shared { experts.shared = network(name + ".shared", hidden: 10) }
        change(&experts)
        block.feedForward = .experts(experts)
    }

    private static func compressed(
        _ index: Int, ratio: Int, picks: Int? = nil
    ) -> Block.CompressedAttention {
        let name = "blk.\(index)."
        func projection(_ part: String, _ outputs: Int, _ inputs: Int) -> Block.Projection {
            .init(name + part, bias: nil, outputs: outputs, inputs: inputs)
        }
        func norm(_ part: String) -> Block.Norm {
            .init(.rootMeanSquare, epsilon: 1e-5, weight: name + part)
        }
        func compressor(_ part: String, length: Int) -> Block.Compressor {
            let outputs = picks == nil ? length : 2 * length
            return .init(
                ratio: ratio, length: length, overlaps: picks != nil,
                values: projection(part + "_kv", outputs, 32),
                gates: projection(part + "_gate", outputs, 32), places: name + part + "_places",
                norm: norm(part + "_norm"))
        }
        var rotary = Block.Rotary(pairing: .interleaved, dimensionCount: 4, base: 100)
        rotary.offset = 8
        var attention = Block.CompressedAttention(
            headCount: 4, headLength: 12, queryInput: projection("q_a", 10, 32),
            queryInputNorm: norm("q_a_norm"), queries: projection("q_b", 48, 10),
            queryNorm: .init(.rootMeanSquare, epsilon: 1e-5, weight: nil),
            keys: projection("kv", 12, 32), keyNorm: norm("kv_norm"), rotary: rotary, window: 5,
            sinks: name + "sinks", groupCount: 2, groups: projection("o_a", 14, 24),
            output: projection("o_b", 32, 14))
        guard ratio > 0 else { return attention }
        attention.compressor = compressor("compressor", length: 12)
        guard let picks else { return attention }
        attention.indexer = .init(
            headCount: 3, queries: projection("index_q", 18, 10),
            weights: projection("index_weights", 3, 32),
            compressor: compressor("index_compressor", length: 6), pickCount: picks)
        return attention
    }
}
