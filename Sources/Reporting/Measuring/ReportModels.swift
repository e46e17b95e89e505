public import Conversion
public import GGUF
public import Pipeline
public import Quantization
import TensorCore

/// The models of a report: the base and the levels, those that are named and those that are made.
public struct ReportModels {
    /// What is to be made.
    public struct Request {
        /// A GGUF file or a Hugging Face directory.
        public var base: String
        /// Files and directories that were quantized before.
        public var quantized: [String]
        /// The types to quantize the base to.
        public var recipes: [Recipe]
        /// The type of the file that a directory is converted to.
        public var outputType: OutputType
        /// The pre-tokenizer of a directory, where it cannot be told.
        public var pre: String?
        /// How to quantize, a level of each type for each.
        public var makings: [Making]
        /// Where the files go that are made, to be kept; `nil` for a temporary folder.
        public var levelsFolder: String?
        /// The names of the files that are made, without type and ending.
        public var stem: String

        /// Asks for files.
        public init(
            base: String, quantized: [String] = [], recipes: [Recipe] = [],
            outputType: OutputType = .auto, pre: String? = nil,
            makings: [Making] = [Making(.plain)], levelsFolder: String? = nil, stem: String
        ) {
            self.base = base
            self.quantized = quantized
            self.recipes = recipes
            self.outputType = outputType
            self.pre = pre
            self.makings = makings
            self.levelsFolder = levelsFolder
            self.stem = stem
        }
    }

    /// A way to quantize.
    public struct Making: Sendable {
        /// What is rounded by.
        public var rounding: QualityReport.Rounding
        /// The rest, the importance matrix with it.
        public var options: QuantizeOptions

        /// Creates a way to quantize.
        public init(_ rounding: QualityReport.Rounding, options: QuantizeOptions = .init()) {
            self.rounding = rounding
            self.options = options
        }
    }

    /// A file that was made, and what was found while it was.
    public struct Made: Sendable {
        /// What was to be written.
        public let plan: Plan
        /// What it was quantized with.
        public let importance: ImportanceMatrix?
        /// What was found.
        public let findings: PlanWriter.Findings
    }

    /// The base.
    public let base: any TensorSource
    /// The levels, the named ones first.
    public let levels: [any TensorSource]
    /// The files that were made.
    public let made: [Made]
    /// What contradicts itself in the directory or the importance matrix.
    public let warnings: [String]
    private let temporaryFolder: TemporaryFolder?

    /// Opens the models, and first makes those that are not there: the base from a directory, then
    /// all types in one pass over it.
    ///
    /// - Parameters:
    ///   - notice: Hears what converting a directory has to say, before it is converted.
    ///   - prepare: Adds to the options of a way to quantize what has to know the base.
    ///   - write: Writes the files of plans with one source and one rounding, and tells what it
    ///     found.
    /// - Throws: What reading, planning and `write` throw; `FileError` when a folder cannot be made.
    public init(
        _ request: Request, notice: (String) -> Void = { _ in },
        prepare: (inout Making, any TensorSource) throws -> Void = { _, _ in },
        write: ([Plan], QualityReport.Rounding) throws -> [PlanWriter.Findings] = { plans, _ in
            try PlanWriter.write(plans, options: WriteOptions()) { _ in }
        }
    ) throws {
        let isDirectory = Paths.isFolder(request.base)
        var folder = request.levelsFolder
        var temporary: TemporaryFolder?
        if isDirectory || !request.recipes.isEmpty {
            if let folder {
                try Directory.create(folder)
            } else {
                temporary = try TemporaryFolder()
                folder = temporary?.path
            }
        }
        temporaryFolder = temporary
        var warnings: [String] = []
        // Before anything is made: a file that cannot be read must not cost minutes first.
        let named = try request.quantized.map {
            let level = try NamedSource(path: $0, pre: request.pre)
            level.notices.forEach(notice)
            warnings += level.warnings
            return level.source
        }
        func path(_ type: String) -> String {
            let folder = folder ?? ""
            return (folder.hasSuffix("/") ? folder : folder + "/") + "\(request.stem)-\(type).gguf"
        }
        var made: [Made] = []
        func make(_ plans: [Plan], by making: Making = Making(.plain)) throws {
            made += zip(plans, try write(plans, making.rounding)).map {
                Made(plan: $0, importance: making.options.importance, findings: $1)
            }
        }
        let base: any TensorSource
        if isDirectory {
            let source = try ConversionSource(
                directory: request.base,
                options: .init(outputType: request.outputType, pre: request.pre))
            source.notices.forEach(notice)
            warnings += source.warnings
            let plan = try Plan.asDescribed(
                source, outputPath: path(source.outputType.rawValue.uppercased()))
            try make([plan])
            base = try SplitSource.open(path: plan.outputPath)
        } else {
            base = try SplitSource.open(path: request.base)
        }
        // All are planned before one is made.
        var work: [(making: Making, plans: [Plan])] = []
        for var making in request.recipes.isEmpty ? [] : request.makings {
            try prepare(&making, base)
            let plans = try request.plans(making, of: base, path: path, warnings: &warnings)
            work.append((making, plans))
        }
        for (making, plans) in work where !plans.isEmpty { try make(plans, by: making) }
        self.base = base
        self.warnings = warnings
        levels =
            named
            + (try work.flatMap(\.plans).map { try SplitSource.open(path: $0.outputPath) })
        self.made = made
    }

    /// Removes the files that were made and are not to be kept.
    public func removeTemporaryFiles() { temporaryFolder?.remove() }
}

extension ReportModels.Request {
    /// The plans of a way to quantize; of several ways, a plain level that cannot be is warned of.
    fileprivate func plans(
        _ making: ReportModels.Making, of base: any TensorSource, path: (String) -> String,
        warnings: inout [String]
    ) throws -> [Plan] {
        let ending = makings.count > 1 ? "-\(making.rounding.rawValue)" : ""
        warnings += making.options.importance?.warnings(for: base).map(\.description) ?? []
        var plans: [Plan] = []
        for recipe in recipes {
            do {
                plans.append(
                    try Plan.quantize(
                        base, recipe: recipe, options: making.options,
                        outputPath: path(recipe.name + ending)))
            } catch let error as RecipeError
                where making.rounding == .plain && makings.count > 1
            {
                // Beside others a level that cannot be is no reason to give up.
                guard case .importanceRequired = error.kind else { throw error }
                warnings.append("\(recipe.name) has no plain level: \(error)")
            }
        }
        return plans
    }
}
