import ArgumentParser
import Conversion
import Foundation
import GGUF
import Quantization
import Reporting
import TensorCore

/// How `report` makes the levels that it measures.
struct ReportMakingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Types to quantize the base to, in one pass.", valueName: "type,type,…"))
    var types: String?

    @Option(
        help: ArgumentHelp(
            "Importance matrix (GGUF or .dat) to quantize with.", valueName: "file"))
    var imatrix: String?

    @Option(
        help: ArgumentHelp(
            "Keep the files that are made in this folder, made when need be.", valueName: "folder"))
    var levelsDir: String?

    @Option(
        help: ArgumentHelp(
            """
            The base's type when it is a directory: f32, f16, bf16 or auto (the checkpoint's own, \
            the default).
            """, valueName: "type"))
    var outtype: String?

    @Flag(help: "Quantize a base that is quantized itself; quality suffers.")
    var allowRequantize = false

    mutating func validate() throws {
        guard types == nil else { return }
        for (option, isGiven) in [
            ("--imatrix", imatrix != nil), ("--allow-requantize", allowRequantize),
        ] where isGiven {
            throw ValidationError("\(option) is for levels that are made; --types is missing")
        }
    }

    /// The importance matrix, read.
    func importanceMatrix() throws -> ImportanceMatrix? {
        try imatrix.map { try ImportanceMatrix(path: $0) }
    }

    /// What is to be made.
    func request(
        base: String, quantized: [String], pre: String?, importance: ImportanceMatrix?
    ) throws -> ReportModels.Request {
        let known: [OutputType] = [.f32, .f16, .bf16, .auto]
        let type = outtype ?? OutputType.auto.rawValue
        guard let outputType = known.first(where: { $0.rawValue == type.lowercased() }) else {
            throw ValidationError("--outtype is \(type), expected f32, f16, bf16 or auto")
        }
        let isDirectory = Paths.isFolder(base)
        guard outtype == nil || isDirectory else {
            throw ValidationError("--outtype is for directories; \(base) is a file")
        }
        guard levelsDir == nil || types != nil || isDirectory else {
            throw ValidationError("--levels-dir keeps what is made; --types is missing")
        }
        return ReportModels.Request(
            base: base, quantized: quantized,
            recipes: try types.map(ReportMakingOptions.recipes) ?? [], outputType: outputType,
            pre: pre, importance: importance, allowsRequantization: allowRequantize,
            levelsFolder: levelsDir, stem: QuantizeRequest.stem(of: base))
    }

    /// Reads types such as `Q4_K_M,Q5_K_M`.
    private static func recipes(_ text: String) throws -> [Recipe] {
        let recipes = try text.split(separator: ",", omittingEmptySubsequences: false)
            .map { try Recipe.parse(String($0.filter { $0 != " " })) }
        guard Set(recipes.map(\.name)).count == recipes.count else {
            throw ValidationError("--types names a type twice: \(text)")
        }
        return recipes
    }
}

/// What `report` asks of the levels.
struct ReportGateOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Largest mean KL divergence of a type, or of every level; may be given again.",
            valueName: "[type=]value"))
    var maxKld: [String] = []

    @Option(
        name: .customLong("max-kld-999"),
        help: ArgumentHelp(
            "Largest 99.9 % KL divergence, likewise.", valueName: "[type=]value"))
    var maxKld999: [String] = []

    @Option(
        help: ArgumentHelp(
            "Largest perplexity ratio to the base, likewise.", valueName: "[type=]value"))
    var maxPplRatio: [String] = []

    @Option(
        help: ArgumentHelp(
            "Least share of same top tokens, 0.9 or 90%, likewise.", valueName: "[type=]share"))
    var minSameTop: [String] = []

    @Option(
        help: ArgumentHelp(
            "An earlier report.json: the report shows what has changed, and a level that is worse"
                + " fails.", valueName: "file"))
    var baseline: String?

    @Option(
        help: ArgumentHelp(
            """
            How much the mean KL divergence may be above the baseline's, in nats or in per cent of \
            it; by default twice the combined error and 5 %.
            """, valueName: "value|%"))
    var maxRegressionKld: String?

    @Option(
        help: ArgumentHelp(
            "Write the gates as JUnit XML, a test case for each level.", valueName: "file"))
    var junit: String?

    mutating func validate() throws {
        guard maxRegressionKld == nil || baseline != nil else {
            throw ValidationError("--max-regression-kld needs --baseline")
        }
        let hasGate = [maxKld, maxKld999, maxPplRatio, minSameTop].contains { !$0.isEmpty }
        guard junit == nil || hasGate || baseline != nil else {
            throw ValidationError("--junit writes what became of the gates; none is given")
        }
    }

    /// The limits.
    func gates() throws -> [Gate] {
        let texts: [(Gate.Measure, [String])] = [
            (.meanDivergence, maxKld), (.quantile999, maxKld999),
            (.perplexityRatio, maxPplRatio), (.sameTopToken, minSameTop),
        ]
        return try texts.flatMap { measure, texts in
            try texts.map { try Gate(measure, parsing: $0) }
        }
    }

    /// The earlier report.
    func baselineReport() throws -> (report: QualityReport, path: String)? {
        _ = try regressionGate()
        return try baseline.map { path in
            let bytes = try InputFile.contents(path: path, limit: 1 << 28)
            return (try QualityReport(json: bytes, file: path), path)
        }
    }

    /// The limit on how much worse than the baseline a level may be.
    func regressionGate() throws -> RegressionGate? {
        guard baseline != nil else { return nil }
        return try maxRegressionKld.map { try RegressionGate(parsing: $0) } ?? RegressionGate()
    }
}
