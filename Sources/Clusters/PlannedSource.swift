import Conversion
import GGUF
import Pipeline
import Planning
import Quantization
import TensorCore

/// A model of a job, opened: its tensors, and what becomes of them in each type.
struct PlannedSource {
    let model: ClusterJob.Model
    /// The model as `quantize` reads it.
    let source: any TensorSource
    /// Whether it is a directory that is converted first.
    let isConverted: Bool
    /// Whether there are values, and not a configuration alone.
    let hasWeights: Bool
    let notices: [String]
    /// The types of the levels, each with what is written of it.
    let levels: [(recipe: Recipe, plan: Plan)]
    /// The type of the file that a directory becomes.
    let baseType: String

    init(_ model: ClusterJob.Model, job: ClusterJob) throws {
        self.model = model
        if Paths.isFolder(model.path) {
            let type = OutputType(rawValue: job.outputType) ?? .auto
            let opened = try ConversionSource(
                directory: model.path, options: .init(outputType: type))
            (source, isConverted, hasWeights) = (opened, true, true)
            notices = opened.notices + opened.warnings
        } else {
            let opened = try ModelAtPath(path: model.path)
            (source, notices) = (opened.source, opened.notices)
            isConverted = opened.kind == .configuration
            hasWeights = opened.kind != .configuration
        }
        let number = source.metadata["general.file_type"]?.integer
        baseType =
            (hasWeights ? nil : "BF16")
            ?? number.flatMap { number in
                Recipe.all.first { $0.fileType.map { Int($0) } == number }?.name
            } ?? "F16"
        levels = try PlannedSource.levels(of: source, job: job, path: model.path)
    }

    private static func levels(
        of source: any TensorSource, job: ClusterJob, path: String
    ) throws -> [(Recipe, Plan)] {
        var options = QuantizeOptions()
        if job.calibration != nil || job.importance != nil {
            // What is observed is known when it has been; all are, but what is looked up.
            options.calibrated = Set(source.tensors.map(\.name))
        }
        return try job.types.map { recipe in
            do {
                return (
                    recipe,
                    try Plan.quantize(
                        source, recipe: recipe, options: options,
                        outputPath: "\(job.output)/\(recipe.name).gguf")
                )
            } catch let error as RecipeError {
                throw ClusterError(
                    file: job.file, place: "types", problem: "\(recipe.name): \(error.problem)",
                    remedy: "Add calibrate or imatrix to the job, or leave the type out.")
            }
        }
    }

    /// The files that results depend on: those of weights, and what stands beside a directory's.
    func files() throws -> [SourceFile] {
        if Paths.isFolder(model.path) {
            // A repository of the hub's cache is a folder of snapshots.
            let weights = source.files.map(\.path)
            let folder = weights.first.flatMap { path in
                path.lastIndex(of: "/").map { String(path[..<$0]) }
            }
            return try SourceFile.files(in: folder ?? model.path)
        }
        return try source.files.map { try SourceFile(path: $0.path) }
    }

    /// The path of the file that levels are made of.
    func base(in job: ClusterJob) -> String {
        isConverted ? "\(folder(in: job))/\(model.name)-\(baseType).gguf" : model.path
    }

    /// The folder of the model's results.
    func folder(in job: ClusterJob) -> String { "\(job.output)/\(model.name)" }
}
