import Allocation
import Calibration
import Conversion
import Evaluation
import Foundation
import GGUF
import Inference
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

/// Formats chosen for one block of a random model, so that measuring takes seconds.
@Suite struct AllocatorTests {
    private static let blocks: Set = [1]

    private func source() throws -> any TensorSource {
        RoundedSource(
            try ConversionSource(
                directory: Fixtures.path("conformance/convert/checkpoints/llama"),
                options: .init(outputType: .f16)))
    }

    private func options() -> QuantizeOptions {
        var options = QuantizeOptions()
        options.prunedBlocks = AllocatorTests.blocks
        return options
    }

    /// Two texts of tokens by chance: enough to measure with.
    private func texts(windowCount: Int = 1) throws -> [AllocationText] {
        var generator = SeededRandom(seed: 11)
        return try ["one", "two"].map { name in
            try AllocationText(
                name: name,
                tokens: (0..<96).map { _ in Int32.random(in: 0..<500, using: &generator) },
                bos: nil, windowCount: windowCount)
        }
    }

    private func allocate(
        _ target: AllocationTarget, start: Recipe? = nil, least: Format? = nil,
        texts: [AllocationText]? = nil, threads: Int? = nil,
        change: (inout QuantizeOptions) throws -> Void = { _ in }
    ) throws -> Allocator.Result {
        var options = options()
        try change(&options)
        var allocator = try Allocator(
            source(), Allocator.Request(target: target, start: start, least: least),
            options: options, outputPath: "out.gguf", pool: WorkerPool(threadCount: threads))
        allocator.texts = try texts ?? self.texts()
        return try allocator.run { _, _ in }
    }

    /// Chooses for a file that is calibrated on rows of 32 tokens by chance.
    private func allocateCalibrated(
        _ target: AllocationTarget, start: Recipe? = nil, threads: Int? = nil
    ) throws -> Allocator.Result {
        var generator = SeededRandom(seed: 12)
        func rows(_ count: Int) -> [[Int32]] {
            (0..<count).map { _ in
                (0..<32).map { _ in Int32.random(in: 0..<500, using: &generator) }
            }
        }
        var options = options()
        options.calibrated = CalibratedRounding.observedTensors(of: try Model(source: source()))
        var allocator = try Allocator(
            source(), Allocator.Request(target: target, start: start), options: options,
            outputPath: "out.gguf", pool: WorkerPool(threadCount: threads))
        allocator.texts = try texts()
        allocator.calibration = CalibrationWindows(fitting: rows(8), validation: rows(4))
        return try allocator.run { _, _ in }
    }

    private func formats(_ plan: Plan) -> [String: Format] {
        Dictionary(uniqueKeysWithValues: plan.tensors.map { ($0.name, $0.choice.format) })
    }

    /// The bytes of a recipe's file.
    private func byteCount(_ recipe: Recipe) throws -> Int {
        try Plan.quantize(
            source(), recipe: recipe, options: options(), outputPath: "out.gguf"
        ).layout.byteCount
    }

    @Test func theFileHasTheBytesForeseenAndNoMore() throws {
        try Fixtures.withTemporaryFolder { folder in
            let limit = try byteCount(.Q4_K_M)
            var allocator = try Allocator(
                source(), Allocator.Request(target: .byteCount(limit)), options: options(),
                outputPath: folder + "/out.gguf")
            allocator.texts = try texts()
            let result = try allocator.run { _, _ in }
            #expect(result.plan.layout.byteCount <= limit)
            // Less than a tensor's next format is left over.
            #expect(result.plan.layout.byteCount > limit * 99 / 100)
            _ = try PlanWriter.write([result.plan], options: WriteOptions()) { _ in }
            let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/out.gguf")
            #expect(attributes[.size] as? Int == result.plan.layout.byteCount)
            let fileType = try GGUFFile(path: folder + "/out.gguf").metadata["general.file_type"]
            #expect(Recipe.all.contains { $0.fileType.map { Int($0) } == fileType?.integer })
        }
    }

    @Test func theChoiceIsTheSameOnEveryNumberOfThreads() throws {
        let limit = try byteCount(.Q3_K_M) + 1000
        let one = try allocate(.byteCount(limit), threads: 1)
        let three = try allocate(.byteCount(limit), threads: 3)
        #expect(formats(one.plan) == formats(three.plan))
        #expect(one.report.groups.map(\.sensitivity) == three.report.groups.map(\.sensitivity))
        #expect(one.report.trials.map(\.divergences) == three.report.trials.map(\.divergences))
    }

    @Test func theBestFileTypeThatFitsIsNotBetterOnAnyText() throws {
        let limit = try byteCount(.Q4_K_S)
        let result = try allocate(.byteCount(limit), start: .Q4_K_S)
        let report = result.report
        let chosen = try #require(report.trials.first { $0.name == report.chosen })
        let recipe = try #require(report.trials.first { $0.name == "Q4_K_S" })
        #expect(recipe.byteCount == limit)
        for (own, other) in zip(chosen.divergences, recipe.divergences) {
            #expect(own.value <= other.value)
        }
        #expect(report.basis == "measured")
        #expect(report.texts.map(\.name) == ["one", "two"])
    }

    /// What the calibration makes of the mixtures decides, not what encoders make of them.
    @Test func aCalibratedFileIsChosenByItsOwnErrors() throws {
        let limit = try byteCount(.Q3_K_S)
        let plain = try allocate(.byteCount(limit), start: .Q3_K_S)
        let one = try allocateCalibrated(.byteCount(limit), start: .Q3_K_S, threads: 1)
        let three = try allocateCalibrated(.byteCount(limit), start: .Q3_K_S, threads: 3)
        #expect(formats(one.plan) == formats(three.plan))
        #expect(one.report.trials.map(\.divergences) == three.report.trials.map(\.divergences))
        #expect(one.plan.layout.byteCount <= limit)
        let chosen = try #require(one.report.trials.first { $0.name == one.report.chosen })
        let recipe = try #require(one.report.trials.first { $0.name == "Q3_K_S" })
        for (own, other) in zip(chosen.divergences, recipe.divergences) {
            #expect(own.value <= other.value)
        }
        // Feedback leaves less of the errors, and the type's own mixture diverges less with it.
        let query = try #require(one.report.tensors["blk.0.attn_q.weight"])
        let before = try #require(plain.report.tensors["blk.0.attn_q.weight"])
        for format in ["Q2_K", "Q4_K", "Q6_K"] {
            let (own, other) = (try #require(query.errors[format]), before.errors[format] ?? 0)
            #expect(own < other, "\(format)")
        }
    }

    @Test func aCalibratedFileKeepsADivergence() throws {
        let result = try allocateCalibrated(.divergence(0.3))
        let chosen = try #require(
            result.report.trials.first { $0.name == result.report.chosen })
        #expect(chosen.divergences.allSatisfy { $0.value <= 0.3 })
    }

    @Test func optionsThatNameFormatsHold() throws {
        let limit = try byteCount(.Q4_K_M)
        let result = try allocate(.byteCount(limit), least: .Q3_K) {
            $0.recipe.tokenEmbeddingFormat = .Q4_K
            $0.recipe.overrides = [try TensorOverride(parsing: "attn_v=q8_0")]
        }
        let formats = formats(result.plan)
        #expect(formats["token_embd.weight"] == .Q4_K)
        #expect(formats["blk.0.attn_v.weight"] == .Q8_0)
        #expect(formats["blk.0.attn_norm.weight"] == .F32)
        for tensor in result.plan.tensors where tensor.choice.reason == .allocated {
            #expect(tensor.choice.format.bitsPerWeight >= Format.Q3_K.bitsPerWeight)
        }
        #expect(result.plan.layout.byteCount <= limit)
        #expect(result.report.tensors["token_embd.weight"] == nil)
        #expect(result.report.tensors["blk.0.attn_v.weight"] == nil)
        let down = try #require(result.report.tensors["blk.0.ffn_down.weight"])
        #expect(down.group == "ffn_down 0")
        #expect(down.errors["Q2_K"] == nil)
        #expect((down.errors["Q3_K"] ?? 0) > (down.errors["Q6_K"] ?? 1))
    }

    /// Formats that need importance are for tensors that have it.
    @Test func formatsThatNeedImportanceAreLeftOutWithoutIt() throws {
        let result = try allocate(.bitsPerWeight(3.5))
        #expect(result.plan.bitsPerWeight <= 3.5)
        #expect(result.report.tensors.values.allSatisfy { $0.errors["IQ2_XS"] == nil })
        #expect(result.plan.tensors.allSatisfy { $0.choice.format.importance < .expected })
    }

    @Test func theSmallestFileKeepsADivergence() throws {
        let loose = try allocate(.divergence(0.5))
        let tight = try allocate(.divergence(0.02))
        for (result, limit) in [(loose, 0.5), (tight, 0.02)] {
            let chosen = try #require(
                result.report.trials.first { $0.name == result.report.chosen })
            #expect(chosen.divergences.allSatisfy { $0.value <= limit })
            #expect(chosen.divergences.allSatisfy { ($0.standardError ?? 0) > 0 })
        }
        #expect(loose.plan.layout.byteCount < tight.plan.layout.byteCount)
    }

    @Test func withoutATextTheLargestFileTypeThatFitsIsFilledUp() throws {
        let limit = try byteCount(.Q4_K_M) + 60_000
        let result = try allocate(.byteCount(limit), texts: [])
        #expect(result.report.basis == "estimated")
        #expect(result.report.reason != nil)
        #expect(result.plan.layout.byteCount <= limit)
        let recipe = try Plan.quantize(
            source(), recipe: .Q4_K_M, options: options(), outputPath: "out.gguf")
        let formats = formats(result.plan)
        for tensor in recipe.tensors {
            #expect(
                (formats[tensor.name]?.bitsPerWeight ?? 0) >= tensor.choice.format.bitsPerWeight)
        }
        #expect(throws: AllocationError.self) { try allocate(.divergence(0.1), texts: []) }
    }

    @Test func targetsThatCannotBeMetSayWhatCan() throws {
        let error = #expect(throws: AllocationError.self) {
            try allocate(.byteCount(30_000))
        }
        guard case .tooSmall(30_000, let least) = error?.kind else {
            Issue.record("\(String(describing: error))")
            return
        }
        let smallest = try allocate(.byteCount(least))
        #expect(smallest.plan.layout.byteCount == least)
        #expect(throws: AllocationError.self) { try allocate(.byteCount(least - 1)) }
        let most = #expect(throws: AllocationError.self) { try allocate(.byteCount(1 << 30)) }
        guard case .tooLarge(1 << 30, let all) = most?.kind else {
            Issue.record("\(String(describing: most))")
            return
        }
        // One byte less than all of them: something is given up.
        #expect(throws: AllocationError.self) { try allocate(.byteCount(all)) }
        let largest = try allocate(.byteCount(all - 1))
        #expect(largest.plan.layout.byteCount < all)
        #expect(try all >= byteCount(.Q8_0))
        #expect(throws: AllocationError.self) {
            try allocate(.byteCount(400_000)) {
                $0.recipe.overrides = [try TensorOverride(parsing: "weight=q4_k")]
            }
        }
    }

    @Test func aTextIsSharedOutBetweenMeasuringAndTrying() throws {
        let tokens = (0..<8192).map { Int32($0) }
        let text = try AllocationText(name: "t", tokens: tokens, bos: 9000, windowCount: 4)
        #expect(text.validation.count == 4)
        #expect(text.validation.allSatisfy { $0.tokens.count == 512 && $0.tokens[0] == 9000 })
        #expect(text.sensitivity.allSatisfy { $0.tokens.count == 256 })
        let tried = Set(text.validation.flatMap { $0.tokens.dropFirst() })
        #expect(text.sensitivity.allSatisfy { tried.isDisjoint(with: $0.tokens.dropFirst()) })
        let short = try AllocationText(
            name: "t", tokens: Array(tokens[..<64]), bos: nil, windowCount: 4)
        #expect(short.validation.map(\.tokens.count) == [32])
        #expect(throws: AllocationError.self) {
            try AllocationText(name: "t", tokens: Array(tokens[..<63]), bos: nil, windowCount: 4)
        }
    }

    @Test func layersAreTakenTogetherInBands() {
        let bands = Bands(layerCount: 30)
        let names = (0..<30).map { bands.name(ofLayer: $0) }
        #expect(names[0] == "0")
        #expect(names[29] == "29")
        #expect(Set(names).count == 8)
        for (layer, name) in names.enumerated() {
            let ends = name.split(separator: "-").compactMap { Int($0) }
            #expect(ends.first ?? -1 <= layer && layer <= ends.last ?? -1)
        }
        #expect((0..<6).map { Bands(layerCount: 6).name(ofLayer: $0) } == (0..<6).map { "\($0)" })
        #expect(
            (0..<9).map { Bands(layerCount: 9).name(ofLayer: $0) } == ["0", "1-2", "1-2"]
                + (3...8).map { "\($0)" })
    }

    /// A band is the layers of its name, neither more nor fewer, and as many as the others have or one less.
    @Test(arguments: [1, 2, 3, 7, 8, 9, 10, 13, 14, 15, 28, 32, 61, 80])
    func bandsAreTheLayersOfTheirNames(layerCount: Int) {
        let bands = Bands(layerCount: layerCount)
        let names = (0..<layerCount).map { bands.name(ofLayer: $0) }
        var counts: [Int] = []
        for name in Set(names) {
            let ends = name.split(separator: "-").compactMap { Int($0) }
            let (first, last) = (ends.first ?? -1, ends.last ?? -2)
            #expect(
                names.indices.filter { names[$0] == name } == Array(first...max(first, last)),
                "\(name)")
            if first > 0, last < layerCount - 1 { counts.append(last - first + 1) }
        }
        #expect(counts.count == min(6, max(0, layerCount - 2)))
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
    }

    /// The last token of a window has nothing behind it that it could be held against.
    @Test func windowsAreScoredBehindTheirBeginning() throws {
        for count in [64, 200, 1024, 8192] {
            let text = try AllocationText(
                name: "t", tokens: (0..<count).map { Int32($0) }, bos: nil, windowCount: 4)
            for window in text.validation {
                #expect(window.scored == window.tokens.count / 2..<window.tokens.count - 1)
            }
            for window in text.sensitivity {
                #expect(window.scored == window.tokens.count / 4..<window.tokens.count - 1)
            }
            #expect(text.validation.count == text.sensitivity.count)
        }
    }
}
