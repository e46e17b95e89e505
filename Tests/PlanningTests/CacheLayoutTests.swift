import Planning
import Quantization
import TensorCore
import Testing

/// What models keep of texts, by their metadata.
struct CacheLayoutTests {
    private func metadata(_ architecture: String, _ entries: [String: MetadataValue]) -> Metadata {
        var metadata = Metadata()
        metadata["general.architecture"] = .string(architecture)
        for (key, value) in entries { metadata["\(architecture).\(key)"] = value }
        return metadata
    }

    private func layout(
        _ architecture: String, _ entries: [String: MetadataValue]
    ) throws -> CacheLayout {
        try CacheLayout(
            metadata: metadata(architecture, entries), hasTensor: { _ in false }, path: "model")
    }

    private let unknown: [String: MetadataValue] = [
        "block_count": .uint32(4), "embedding_length": .uint32(256),
        "attention.head_count": .uint32(8), "attention.head_count_kv": .uint32(2),
    ]

    @Test func anUnknownArchitectureIsReadByGeneralKeys() throws {
        let layout = try layout("newcomer", unknown)
        #expect(layout.origin == .keys)
        #expect(
            layout.layers
                == [CacheLayout.Layer](
                    repeating: .init(
                        attention: .init(headCount: 2, keyLength: 32, valueLength: 32)), count: 4))
        // 4 layers · (keys + values) · 2 heads · 32 numbers · 2 bytes · 1024 cells.
        let shape = try ServingShape(context: 1000)
        #expect(try layout.cacheByteCount(shape) == 4 * 2 * 2 * 32 * 2 * 1024)
    }

    @Test func windowsOfAnUnknownArchitectureFollowItsPattern() throws {
        let flags = MetadataValue.bools([true, true, false, true])
        let layout = try layout(
            "newcomer",
            unknown.merging([
                "attention.sliding_window": .uint32(100),
                "attention.sliding_window_pattern": flags,
            ]) { $1 })
        #expect(layout.layers.map { $0.attention?.window } == [100, 100, nil, 100])
        let shape = try ServingShape(context: 4096, slots: 2)
        // 100 + 512 tokens of a micro-batch become 768 cells.
        #expect(try layout.cacheByteCount(shape) == 256 * (4096 + 3 * 768) * 2)
        #expect(try layout.tokenByteCount(shape) == 256)
    }

    /// Every so many layers one sees everything; 1 is every layer, 0 none.
    @Test(arguments: [
        (0, [8, 8, 8, 8]), (1, [nil, nil, nil, nil]), (2, [8, nil, 8, nil]), (3, [8, 8, nil, 8]),
    ])
    func periodsOfAnUnknownArchitectureAreCounted(_ period: Int, _ windows: [Int?]) throws {
        let layout = try layout(
            "newcomer",
            unknown.merging([
                "attention.sliding_window": .uint32(8),
                "attention.sliding_window_pattern": .uint32(UInt32(period)),
            ]) { $1 })
        #expect(layout.layers.map { $0.attention?.window } == windows)
        let (full, cut) = (windows.count { $0 == nil }, windows.count { $0 != nil })
        let parts = [
            full > 0 ? "\(full) with full attention" : nil,
            cut > 0 ? "\(cut) with a window of 8" : nil,
        ]
        #expect(layout.summary == "4 layers: " + parts.compactMap(\.self).joined(separator: ", "))
    }

    @Test func statesOfRWKVDoNotGrow() throws {
        let layout = try layout(
            "rwkv7",
            [
                "block_count": .uint32(2), "embedding_length": .uint32(128),
                "wkv.head_size": .uint32(64), "token_shift_count": .uint32(2),
            ])
        #expect(layout.layers.map(\.stateLength) == [128 * 66, 128 * 66])
        #expect(try layout.cacheByteCount(ServingShape(context: 1 << 20)) == 0)
        #expect(try layout.stateByteCount(slots: 3) == 2 * 128 * 66 * 4 * 3)
    }

    @Test func phi3HasNoWindowInLlamaCpp() throws {
        var entries = unknown
        entries["attention.sliding_window"] = .uint32(64)
        entries["feed_forward_length"] = .uint32(512)
        entries["context_length"] = .uint32(4096)
        entries["attention.layer_norm_rms_epsilon"] = .float32(1e-5)
        entries["rope.dimension_count"] = .uint32(32)
        let layout = try layout("phi3", entries)
        #expect(layout.origin == .family)
        #expect(layout.layers.allSatisfy { $0.attention?.window == nil })
    }

    @Test(arguments: [
        ("block_count", MetadataValue.uint32(0)), ("block_count", .uint32(5000)),
        ("embedding_length", .uint64(1 << 40)), ("attention.head_count_kv", .string("two")),
        ("attention.head_count_kv", .uint32s([1, 2])), ("attention.key_length", .int32(-1)),
    ])
    func metadataThatMakeNoSenseAreRefused(_ key: String, _ value: MetadataValue) throws {
        var entries = unknown
        entries[key] = value
        #expect {
            try layout("newcomer", entries)
        } throws: { error in
            (error as? PlanningError)?.place == "newcomer.\(key)"
        }
    }

    @Test func statesBeyondCountingAreRefused() throws {
        let huge = MetadataValue.uint32(1 << 24)
        #expect(throws: PlanningError.self) {
            try layout(
                "newcomer",
                [
                    "block_count": .uint32(1), "embedding_length": huge,
                    "kda.head_dim": huge, "attention.head_count": huge,
                    "attention.head_count_kv": .uint32(0),
                ])
        }
    }

    @Test func cachesBeyondCountingAreRefused() throws {
        let layout = CacheLayout(
            layers: [CacheLayout.Layer](
                repeating: .init(
                    attention: .init(
                        headCount: 1 << 24, keyLength: 1 << 24, valueLength: 1 << 24)),
                count: 4096))
        #expect(throws: PlanningError(.tooLarge)) {
            try layout.cacheByteCount(ServingShape(context: 1 << 30, slots: 1 << 16))
        }
    }

    @Test func rowsMustBeWholeBlocks() throws {
        let layout = CacheLayout(layers: [
            .init(attention: .init(headCount: 4, keyLength: 48, valueLength: 64))
        ])
        #expect(throws: PlanningError(.cacheRow(format: "Q8_0", length: 48, block: 32))) {
            try layout.cacheByteCount(ServingShape(context: 256, keyFormat: .Q8_0))
        }
        // Values are whole blocks: 34 bytes for 32.
        let shape = try ServingShape(context: 256, valueFormat: .Q8_0)
        #expect(try layout.cacheByteCount(shape) == 256 * (4 * 48 * 2 + 4 * 2 * 34))
    }

    @Test(arguments: [
        (0, 1), (-5, 1), (1 << 31, 1), (4096, 0), (4096, -1), (4096, 1 << 17),
    ])
    func shapesOutOfRangeAreRefused(_ context: Int, _ slots: Int) {
        #expect(throws: PlanningError.self) { try ServingShape(context: context, slots: slots) }
    }

    @Test func aFormatThatNoCacheHasIsRefused() {
        #expect(throws: PlanningError.self) {
            try ServingShape(context: 256, keyFormat: .Q4_K)
        }
    }
}
