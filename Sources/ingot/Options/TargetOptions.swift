import Allocation
import ArgumentParser
import Calibration
import Evaluation
import GGUF
import Pipeline
import Quantization
import Reporting
import TensorCore
import Tokenization

/// Formats chosen tensor by tensor for a size or a divergence, instead of a type's mixture.
struct TargetOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Choose a format for every tensor so that the file has at most so many bytes: 3900000000, \
            3900M, 3.9G (powers of 1000) or 3.6GiB (of 1024).
            """, valueName: "size"))
    var targetSize: String?

    @Option(
        help: ArgumentHelp(
            "The same for so many bits per weight on average, headers not counted.",
            valueName: "bits"))
    var targetBpw: Double?

    @Option(
        help: ArgumentHelp(
            """
            Write the smallest file found whose mean KL divergence (nats) on each text is at most \
            this.
            """, valueName: "nats"))
    var targetKld: Double?

    @Option(
        help: ArgumentHelp(
            "With a target: the format, or the type, whose bits per weight none may go below.",
            valueName: "format"))
    var minType: String?

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: ArgumentHelp(
            """
            With a target: a text to measure on, not one to judge by; plain or .zst. May be given \
            again, each is a text of its own. (default: the built-in mix)
            """, valueName: "text"))
    var texts: [String] = []

    mutating func validate() throws {
        let targets = [targetSize != nil, targetBpw != nil, targetKld != nil].count { $0 }
        guard targets <= 1 else {
            throw ValidationError(
                "--target-size, --target-bpw and --target-kld do not go together; expected one")
        }
        if targets == 0, minType != nil || !texts.isEmpty {
            throw ValidationError(
                "\(minType != nil ? "--min-type" : "-f") is for --target-size, --target-bpw and"
                    + " --target-kld; none is given")
        }
        if let targetBpw, !(targetBpw.isFinite && targetBpw > 0 && targetBpw <= 32) {
            throw ValidationError("--target-bpw is \(targetBpw), expected more than 0, at most 32")
        }
        if let targetKld, !(targetKld.isFinite && targetKld > 0) {
            throw ValidationError("--target-kld is \(targetKld), expected a number above 0")
        }
        if isWanted { _ = try target() }
        if let minType { _ = try TargetOptions.floor(minType) }
        try TextNames.check(texts)
    }

    /// Whether formats are to be chosen.
    var isWanted: Bool { targetSize != nil || targetBpw != nil || targetKld != nil }

    /// What the file's name says of the target.
    var label: String {
        targetSize ?? targetBpw.map { "\($0)bpw" } ?? targetKld.map { "kld\($0)" } ?? ""
    }

    private func target() throws -> AllocationTarget {
        if let targetBpw { return .bitsPerWeight(targetBpw) }
        if let targetKld { return .divergence(targetKld) }
        guard let text = targetSize, let bytes = ByteSize.parseFileSize(text) else {
            throw ValidationError(
                "--target-size is \(targetSize ?? ""), expected bytes, or a number with K, M, G"
                    + " (powers of 1000) or KiB, MiB, GiB (of 1024)")
        }
        return .byteCount(bytes)
    }

    /// A format by its name, or the main format of a type.
    private static func floor(_ name: String) throws -> Format {
        if let format = Format.named(name) { return format }
        let recipe: Recipe
        do {
            recipe = try Recipe.parse(name)
        } catch {
            throw ValidationError("--min-type: \(error)")
        }
        guard let format = recipe.defaultFormat else {
            throw ValidationError("--min-type is \(name), expected a format such as Q3_K")
        }
        return format
    }

    /// Measures, chooses, and plans the file.
    func plan(
        _ source: any TensorSource, _ request: QuantizeRequest, options: QuantizeOptions,
        calibration: CalibrationWindows?, isQuiet: Bool
    ) throws -> PlannedOutput {
        if let start = request.start, (start.defaultFormat?.blockElementCount ?? 1) == 1 {
            throw ValidationError(
                "\(start.name) quantizes nothing; with a target, TYPE is a type such as Q4_K_M")
        }
        var allocator = try Allocator(
            source,
            Allocator.Request(
                target: try target(), start: request.start,
                least: try minType.map { try TargetOptions.floor($0) }),
            options: options, outputPath: request.targetPath,
            pool: WorkerPool(threadCount: request.threads))
        allocator.texts = try loadedTexts(of: source)
        allocator.calibration = calibration
        if !isQuiet {
            let memory = try allocator.memoryByteCount()
            if memory > 0 {
                Terminal.note("measuring takes about \(NumberFormat.bytes(memory)) of memory")
            }
        }
        let line = ProgressLine("choosing formats", isQuiet: isQuiet)
        defer { line.finish() }
        let result = try allocator.run { share, what in
            line.update(Int(share * 1000), of: 1000, detail: what)
        }
        var output = PlannedOutput(result.plan)
        output.allocation = result.report
        return output
    }

    /// Tokens that are taken of the built-in mix, in whole rows of each kind.
    private static let mixTokenCount = 1 << 15

    /// The texts in tokens; without any, those of the built-in mix by kind.
    private func loadedTexts(of source: any TensorSource) throws -> [AllocationText] {
        let tokenizer: Tokenizer
        do {
            tokenizer = try Tokenizer(
                vocabulary: Vocabulary(metadata: source.metadata, file: source.path))
        } catch let error as any IngotError {
            guard texts.isEmpty else { throw error }
            // Formats are estimated then, which the plan says.
            Terminal.warning(error.description)
            return []
        }
        guard !texts.isEmpty else { return try TargetOptions.mix(tokenizer, source.metadata) }
        return try texts.map { path in
            let contents = try TextFiles.contents(paths: [path])
            for warning in contents.warnings { Terminal.warning(warning.description) }
            return try AllocationText(
                name: TextNames.short(path),
                tokens: tokenizer.encode(contents.bytes, addSpecial: true, parseSpecial: false),
                bos: tokenizer.leadingID, windowCount: max(2, 8 / texts.count))
        }
    }
}

extension TargetOptions {
    private static func mix(
        _ tokenizer: Tokenizer, _ metadata: Metadata
    ) throws -> [AllocationText] {
        let rows = try CalibrationTokens(
            documents: CalibrationMix.documents(), tokenizer: tokenizer,
            options: .init(rowLength: 512, tokenBudget: mixTokenCount, randomShare: 0),
            chat: CalibrationTokens.chat(of: metadata, warn: Terminal.warning)
        ).rows
        return try CalibrationDocument.Kind.allCases.compactMap { kind in
            let own = rows.filter { $0.kind == kind }.flatMap(\.tokens)
            guard own.count >= 2048 else { return nil }
            return try AllocationText(
                name: "\(CalibrationMix.name) \(kind.rawValue)", tokens: own, bos: nil,
                windowCount: 2)
        }
    }
}

extension QuantizeRequest {
    /// The words `IN [OUT.gguf|FOLDER/] [TYPE] [THREADS]` of a run with a target.
    init(allocating words: [String], threads: Int?, label: String) throws {
        guard let input = words.first else {
            throw ValidationError("expected IN [OUT.gguf] [TYPE] [THREADS]")
        }
        var rest = words.dropFirst()
        // A number is the threads, unless threads follow it.
        func isType(_ place: Int) -> Bool {
            guard words.indices.contains(place), Recipe.named(words[place]) != nil else {
                return false
            }
            return Int(words[place]) == nil
                || words.indices.contains(place + 1) && Int(words[place + 1]) != nil
        }
        var path: String?
        if let word = rest.first, !isType(1), Int(word) == nil { path = rest.removeFirst() }
        let start = try isType(rest.startIndex) ? Recipe.parse(rest.removeFirst()) : nil
        var threadCount = threads
        if let word = rest.first, let count = Int(word) {
            rest.removeFirst()
            threadCount = count == 0 ? threads : count
        }
        if let word = rest.first {
            throw ValidationError(
                "unexpected argument \(word); with a target there is one output, and TYPE is a type"
                    + " such as Q4_K_M or left out")
        }
        let name = "\(QuantizeRequest.stem(of: input))-\(label).gguf"
        let beside =
            Paths.isFolder(input) && !input.hasSuffix("/")
            ? input + "/" : input.lastIndex(of: "/").map { String(input[...$0]) } ?? ""
        let isFolder = path.map { $0.hasSuffix("/") || Paths.isFolder($0) } ?? false
        let folder = isFolder ? path.map { $0.hasSuffix("/") ? $0 : $0 + "/" } : nil
        try self.init(
            input: input, threads: threadCount, folder: folder,
            targetPath: folder.map { $0 + name } ?? path ?? beside + name, start: start)
    }
}
