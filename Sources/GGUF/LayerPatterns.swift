/// What readers of a family take from the number of a block alone, where no metadata say it.
///
/// A block that moves up would get another one's part. Where readers take an array instead, it is
/// written; otherwise the user is told, or the blocks cannot be removed.
package enum LayerPatterns {
    /// Every so many blocks one is different.
    package struct Cycle: Sendable {
        package let period: Int
        /// Which of the blocks of a cycle is the different one.
        package let position: Int

        /// Every `period` blocks the one at `position`.
        package init(period: Int, position: Int) {
            self.period = period
            self.position = position
        }

        /// The last of every `period` blocks.
        package static func last(of period: Int) -> Cycle {
            Cycle(period: period, position: period - 1)
        }
        /// The first of every `period` blocks.
        package static func first(of period: Int) -> Cycle { Cycle(period: period, position: 0) }

        package func isDifferent(_ block: Int) -> Bool { period > 0 && block % period == position }

        /// Whether blocks keep their part when those with the old numbers `kept` close up.
        package func isKept(by kept: [Int]) -> Bool {
            zip(kept, kept.indices).allSatisfy { isDifferent($0) == isDifferent($1) }
        }
    }

    /// whose blocks have a sliding window (SWA) by their number, unless `attention.sliding_window_pattern`
    /// says which have one: the blocks that see everything.
    package static let windows: [String: Cycle] = [
        "afmoe": .last(of: 4), "cohere2": .last(of: 4), "cohere2moe": .first(of: 4),
        "exaone-moe": .last(of: 4), "gemma-embedding": .last(of: 6), "gemma2": .last(of: 2),
        "gemma3": .last(of: 6), "gemma3n": .last(of: 5), "gpt-oss": .last(of: 2),
        "laguna": .first(of: 4), "llama4": .last(of: 4), "mellum": .last(of: 4),
        "modern-bert": .first(of: 3), "muse-glimmer": .last(of: 4), "olmo2": .last(of: 4),
        "plamo3": .last(of: 8), "smallthinker": .first(of: 4),
    ]

    /// Those of them whose window has a length even where the metadata give none.
    package static let windowsWithoutLength: Set<String> = ["exaone-moe", "gemma2", "llama4"]

    /// Whose readers end when no block has a window, whatever its length.
    package static let windowsNeeded: Set<String> = [
        "cohere2", "cohere2moe", "exaone-moe", "gemma2", "gemma3n", "gemma4", "gpt-oss",
        "muse-glimmer",
    ]

    /// Whose blocks have full attention by their number and a recurrence otherwise, unless
    /// `attention.recurrent_layers` says which: every fourth, or as `full_attention_interval` says.
    package static let recurrences: Set<String> = [
        "minimax-01", "qwen35", "qwen35moe", "qwen3next", "qwen4exp",
    ]

    /// Whose blocks have no rotation of positions (NoPE) by their number; no key says it.
    package static let withoutRotation: [String: Cycle] = [
        "afmoe": .last(of: 4), "llama4": .last(of: 4), "smallthinker": .first(of: 4),
        "smollm3": .last(of: 4),
    ]

    /// Whose blocks have experts by their number: the key with the period, and which of a cycle,
    /// the last where that is `nil`.
    ///
    /// Readers look for the tensors where these keys say, and end when they are not there.
    package static let experts: [String: (key: String, position: Int?)] = [
        "llama4": ("interleave_moe_layer_step", nil),
        "ernie4_5-moe": ("interleave_moe_layer_step", nil),
        "nomic-bert-moe": ("moe_every_n_layers", 1),
    ]

    /// Whose first block has tensors that the others do without or have in another shape.
    package static let withOwnFirstBlock: Set<String> = ["arwkv7", "rwkv7", "t5", "t5encoder"]

    /// Keys with how many of the first blocks something holds for.
    package static let leadingCounts = ["leading_dense_block_count", "hash_layer_count"]
}
