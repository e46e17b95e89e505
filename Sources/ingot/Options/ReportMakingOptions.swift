import ArgumentParser
import Conversion
import Foundation
import GGUF
import Pipeline
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

    @Flag(
        help: "Make a level of each type without importance too, beside --imatrix and --calibrate.")
    var plain = false

    @OptionGroup var calibration: CalibrateOptions

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
            ("--imatrix", imatrix != nil), ("--plain", plain),
            ("--calibrate", calibration.calibrate != nil), ("--allow-requantize", allowRequantize),
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
            pre: pre, makings: makings(importance), levelsFolder: levelsDir,
            stem: QuantizeRequest.stem(of: base))
    }

    /// How each type is made: as all that is asked for, plainly where nothing is.
    private func makings(_ importance: ImportanceMatrix?) -> [ReportModels.Making] {
        var makings: [ReportModels.Making] = []
        let isCalibrated = calibration.calibrate != nil
        if plain || importance == nil && !isCalibrated { makings.append(.init(.plain)) }
        if let importance {
            var options = QuantizeOptions(importance: importance)
            options.recipe.missingImportance = .raise
            makings.append(.init(.importance, options: options))
        }
        if isCalibrated { makings.append(.init(.calibrated)) }
        for index in makings.indices {
            makings[index].options.allowsRequantization = allowRequantize
        }
        return makings
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
