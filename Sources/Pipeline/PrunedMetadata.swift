import GGUF
import TensorCore

/// The metadata of a model without some of its blocks.
struct PrunedMetadata {
    private(set) var metadata: Metadata
    /// What becomes different although the blocks that stay have the same weights.
    private(set) var remarks: [String] = []
    private let architecture: String
    /// The old numbers of the blocks that stay, in order.
    private let kept: [Int]
    /// The number of blocks before, with those at the end that predict further tokens.
    private let count: Int
    private let path: String

    /// Removes blocks from `metadata`; nothing is changed where the family or the number of blocks
    /// is unknown.
    ///
    /// - Parameters:
    ///   - kept: The old numbers of the blocks that stay, in order.
    ///   - tensors: The tensors of the whole model.
    /// - Throws: `PipelineError` when no reader could load the model, or it would be another one.
    init(
        _ metadata: Metadata, keeping kept: [Int], tensors: [TensorDescription], path: String
    ) throws(PipelineError) {
        self.metadata = metadata
        self.path = path
        self.kept = kept
        architecture = metadata["general.architecture"]?.text ?? ""
        count = metadata["\(architecture).block_count"]?.integer ?? 0
        guard !architecture.isEmpty, count > 0 else { return }
        try checkFirstBlocks(tensors)
        try checkExperts()
        try keepSharedKeys()
        noteRotation()
        noteOthers()
        cutArrays()
        writeWindows()
        writeRecurrences()
        countAgain()
    }

    private func key(_ suffix: String) -> String { "\(architecture).\(suffix)" }

    private func integer(_ suffix: String) -> Int? { metadata[key(suffix)]?.integer }

    private func cannot(_ reason: String) -> PipelineError {
        PipelineError(.cannotPrune(reason), path: path, place: "--prune-layers")
    }

    /// The blocks before those that predict further tokens.
    private var mainCount: Int { max(0, count - max(0, integer("nextn_predict_layers") ?? 0)) }

    private var keptMain: [Int] { kept.filter { $0 < mainCount } }

    // MARK: What cannot be

    private func checkFirstBlocks(_ tensors: [TensorDescription]) throws(PipelineError) {
        if LayerPatterns.withOwnFirstBlock.contains(architecture), !kept.contains(0) {
            throw cannot("block 0 of \(architecture) has tensors that the others do not have")
        }
        // Their rows hold a part for every block.
        if let table = tensors.first(where: { $0.name == "per_layer_token_embd.weight" }) {
            throw cannot("\(table.name) has columns for every block, which would have to go too")
        }
        if metadata[key("ple.layers")] != nil {
            throw cannot("\(key("ple.layers")) names blocks by their numbers")
        }
        if architecture == "hrm_text" {
            throw cannot("the blocks of hrm_text are run in loops of a fixed length")
        }
        if architecture == "gemma3n", !kept.starts(with: 0..<min(20, count)) {
            throw cannot("readers of gemma3n count on its first 20 blocks")
        }
    }

    private func checkExperts() throws(PipelineError) {
        guard let turns = LayerPatterns.experts[architecture], let step = integer(turns.key),
            step > 1
        else { return }
        let cycle = LayerPatterns.Cycle(period: step, position: turns.position ?? step - 1)
        guard cycle.isKept(by: keptMain) else {
            throw cannot(
                "\(key(turns.key)) is \(step): readers look for experts in every \(step). block")
        }
    }

    /// The blocks at the end that share keys and values take those of the last two before them.
    private mutating func keepSharedKeys() throws(PipelineError) {
        let suffix = "attention.shared_kv_layers"
        guard let shared = integer(suffix), shared > 0, shared <= count else { return }
        let first = count - shared
        let stay = kept.filter { $0 >= first }
        guard stay.isEmpty || kept.contains(first - 1) && kept.contains(first - 2) else {
            throw cannot(
                "blocks \(first - 2) and \(first - 1) have the keys and values of those after them")
        }
        metadata[key(suffix)] = .uint32(UInt32(clamping: stay.count))
    }

    // MARK: What becomes different

    private mutating func noteRotation() {
        guard let cycle = LayerPatterns.withoutRotation[architecture],
            architecture == "smollm3" || integer("attention.sliding_window") != 0,
            !cycle.isKept(by: keptMain)
        else { return }
        remarks.append(
            "--prune-layers: readers of \(architecture) rotate no positions in every"
                + " \(cycle.period). block by its number; blocks that move up get another one's part"
        )
    }

    private mutating func noteOthers() {
        if architecture == "exaone4", mainCount == 64, keptMain.count < 64 {
            remarks.append(
                "--prune-layers: readers know the exaone4 with sliding windows by its 64 blocks;"
                    + " with \(keptMain.count) all blocks see everything, with rotated positions")
        }
        for suffix in ["rescale_every_n_layers", "attn_res.block_size"] {
            guard let step = integer(suffix), step > 1,
                !LayerPatterns.Cycle.last(of: step).isKept(by: keptMain)
            else { continue }
            remarks.append(
                "--prune-layers: \(key(suffix)) is \(step) and counts blocks by their numbers;"
                    + " blocks that move up get another one's part")
        }
        if let first = integer("n_deepstack_layers"), !kept.starts(with: 0..<min(first, count)) {
            remarks.append(
                "--prune-layers: features of images are added to the first \(first) blocks by their"
                    + " numbers; blocks that move up get another one's")
        }
    }

    // MARK: What is written

    private mutating func writeWindows() {
        let suffix = "attention.sliding_window_pattern"
        guard var cycle = LayerPatterns.windows[architecture], metadata[key(suffix)]?.count == nil
        else { return }
        let window = integer("attention.sliding_window")
        guard window != 0,
            window != nil || LayerPatterns.windowsWithoutLength.contains(architecture)
        else { return }
        if let period = integer(suffix) {
            let isFirst = cycle.position == 0
            // 0 and 1 say that all blocks are alike.
            guard period > 1 else { return }
            cycle = isFirst ? .first(of: period) : .last(of: period)
        }
        guard !cycle.isKept(by: keptMain) else { return }
        metadata[key(suffix)] = .bools(keptMain.map { !cycle.isDifferent($0) })
    }

    private mutating func writeRecurrences() {
        let suffix = "attention.recurrent_layers"
        guard LayerPatterns.recurrences.contains(architecture), metadata[key(suffix)] == nil else {
            return
        }
        let interval = integer("full_attention_interval") ?? 4
        guard interval > 0, !LayerPatterns.Cycle.last(of: interval).isKept(by: keptMain) else {
            return
        }
        let cycle = LayerPatterns.Cycle.last(of: interval)
        metadata[key(suffix)] = .bools(
            kept.map { $0 < mainCount && !cycle.isDifferent($0) })
    }

    /// Cuts arrays with an element for each block, or for each block but the further ones.
    private mutating func cutArrays() {
        for entry in metadata.entries {
            guard entry.key.hasPrefix(key("")) || entry.key.hasPrefix("xielu."),
                !entry.key.hasSuffix(".dimension_sections")
            else { continue }
            if let value = entry.value.selecting(kept, of: count)
                ?? entry.value.selecting(keptMain, of: mainCount)
            {
                metadata[entry.key] = value
            }
        }
    }

    private mutating func countAgain() {
        for suffix in LayerPatterns.leadingCounts {
            guard let leading = integer(suffix) else { continue }
            set(suffix, kept.count { $0 < leading })
        }
        if let further = integer("nextn_predict_layers") {
            set("nextn_predict_layers", kept.count { $0 >= count - further })
        }
        if let decoder = integer("decoder_block_count") {
            set("decoder_block_count", kept.count { $0 < decoder })
        }
    }

    private mutating func set(_ suffix: String, _ value: Int) {
        metadata[key(suffix)] = .uint32(UInt32(clamping: value))
    }
}

extension MetadataValue {
    /// The number of elements of an array; `nil` for anything else.
    fileprivate var count: Int? {
        switch self {
        case .bools(let values): values.count
        default: integers?.count
        }
    }

    /// The elements of an array that has one for each of `count` blocks, for some of the blocks;
    /// `nil` when this is no such array.
    fileprivate func selecting(_ blocks: [Int], of count: Int) -> MetadataValue? {
        func select<Element>(_ values: [Element]) -> [Element]? {
            values.count == count && blocks.allSatisfy(values.indices.contains)
                ? blocks.map { values[$0] } : nil
        }
        switch self {
        case .uint32s(let values): return select(values).map { .uint32s($0) }
        case .int32s(let values): return select(values).map { .int32s($0) }
        case .float32s(let values): return select(values).map { .float32s($0) }
        case .bools(let values): return select(values).map { .bools($0) }
        default: return nil
        }
    }
}
