import ArgumentParser
import Conversion
import Foundation
import GGUF
import Pipeline
import Quantization
import TensorCore

/// The models of a report: the base and the levels, those that are named and those that are made.
struct ReportModels {
    /// What is to be made.
    struct Request {
        /// A GGUF file or a Hugging Face directory.
        let base: String
        /// Files that were quantized before.
        let quantized: [String]
        /// The types to quantize the base to.
        let recipes: [Recipe]
        /// The type of the file that a directory is converted to.
        let outputType: OutputType
        /// The pre-tokenizer of a directory, where it cannot be told.
        let pre: String?
        let importance: ImportanceMatrix?
        let allowsRequantization: Bool
        /// Where the files go that are made, to be kept; `nil` for a temporary folder.
        let levelsFolder: String?
        let threadCount: Int?
        let isQuiet: Bool
    }

    /// The base.
    let base: any TensorSource
    /// The levels, the named ones first.
    let levels: [any TensorSource]
    /// What a reader of the report must know of the files that were made.
    let warnings: [String]
    private let temporaryFolder: TemporaryFolder?

    /// Opens the models, and first makes those that are not there: the base from a directory, then
    /// all types in one pass over it.
    init(_ request: Request) throws {
        let isDirectory = Paths.isFolder(request.base)
        var folder = request.levelsFolder
        var temporary: TemporaryFolder?
        if isDirectory || !request.recipes.isEmpty {
            if let folder {
                try Directory.create(folder)
            } else {
                temporary = try TemporaryFolder(in: FileManager.default.temporaryDirectory.path)
                folder = temporary?.path
            }
        }
        temporaryFolder = temporary
        // Before anything is made: a file that cannot be read must not cost minutes first.
        let named = try request.quantized.map { try SplitSource.open(path: $0) }
        // The name of the files that are made, without type and ending.
        let stem = QuantizeRequest.stem(of: request.base)
        func path(_ type: String) -> String {
            let folder = folder ?? ""
            return (folder.hasSuffix("/") ? folder : folder + "/") + "\(stem)-\(type).gguf"
        }
        var warnings: [String] = []
        func write(_ plans: [Plan], importance: ImportanceMatrix? = nil) throws {
            var options = WalkOptions()
            options.threadCount = request.threadCount
            options.toolVersion = Ingot.version
            let findings = try Writing.write(plans, options: options, isQuiet: request.isQuiet)
            for (plan, findings) in zip(plans, findings) {
                warnings += Writing.warnings(of: plan, importance: importance, findings: findings)
                    .map { "\(Paths.name(plan.outputPath)): \($0)" }
            }
        }
        let base: any TensorSource
        if isDirectory {
            let source = try ConversionSource(
                directory: request.base,
                options: .init(outputType: request.outputType, pre: request.pre))
            for notice in source.notices where !request.isQuiet { Terminal.note(notice) }
            warnings += source.warnings
            let plan = try Plan.asDescribed(
                source, outputPath: path(source.outputType.rawValue.uppercased()))
            try write([plan])
            base = try SplitSource.open(path: plan.outputPath)
        } else {
            base = try SplitSource.open(path: request.base)
        }
        let options = QuantizeOptions(
            importance: request.importance, allowsRequantization: request.allowsRequantization)
        let plans = try request.recipes.map {
            try Plan.quantize(base, recipe: $0, options: options, outputPath: path($0.name))
        }
        warnings += request.importance?.warnings(for: base).map(\.description) ?? []
        if !plans.isEmpty { try write(plans, importance: request.importance) }
        self.base = base
        levels = named + (try plans.map { try SplitSource.open(path: $0.outputPath) })
        self.warnings = warnings
    }

    /// Removes the files that were made and are not to be kept.
    func removeTemporaryFiles() { temporaryFolder?.remove() }

    /// Reads types such as `Q4_K_M,Q5_K_M`.
    static func recipes(_ text: String) throws -> [Recipe] {
        let recipes = try text.split(separator: ",", omittingEmptySubsequences: false)
            .map { try Recipe.parse(String($0.filter { $0 != " " })) }
        guard Set(recipes.map(\.name)).count == recipes.count else {
            throw ValidationError("--types names a type twice: \(text)")
        }
        return recipes
    }
}
