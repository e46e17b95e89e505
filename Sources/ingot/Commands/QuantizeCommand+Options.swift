import ArgumentParser
import GGUF
import Pipeline
import Quantization
import TensorCore

/// What options say of a plan.
extension QuantizeCommand {
    /// What the plan is made with.
    func quantizeOptions() throws -> QuantizeOptions {
        var recipe = RecipeOptions()
        recipe.isPure = pure
        recipe.leavesOutput = leaveOutputTensor
        recipe.outputFormat = try outputTensorType.map { try Format.parse($0) }
        recipe.tokenEmbeddingFormat = try tokenEmbeddingType.map { try Format.parse($0) }
        recipe.overrides = try overrides()
        recipe.missingImportance = try MissingImportance(
            option: imatrixMissing, hasMatrix: imatrix != nil)
        var options = QuantizeOptions(recipe: recipe, allowsRequantization: allowRequantize)
        options.importance = try imatrix.flatMap {
            try ImportanceMatrix(path: $0)
                .restricted(including: includeWeights, excluding: excludeWeights)
        }
        options.metadataOverrides = try overrideKv.map { try MetadataOverride(parsing: $0) }
        for word in pruneLayers?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
            guard let block = Int(word), block >= 0 else {
                throw ValidationError(
                    "--prune-layers has \"\(word)\", expected block numbers such as 3,5,7")
            }
            options.prunedBlocks.insert(block)
        }
        return options
    }

    /// The patterns of both options in the order of the command line: the first that occurs decides.
    private func overrides() throws -> [TensorOverride] {
        var (patterns, files) = (tensorType[...], tensorTypeFile[...])
        var overrides: [TensorOverride] = []
        for word in CommandLine.arguments {
            let name = word.prefix { $0 != "=" }
            if name == "--tensor-type", let pattern = patterns.popFirst() {
                overrides.append(try TensorOverride(parsing: pattern))
            } else if name == "--tensor-type-file", let file = files.popFirst() {
                overrides += try Self.overrides(in: file)
            }
        }
        overrides += try patterns.map { try TensorOverride(parsing: $0) }
        return try files.reduce(into: overrides) { $0 += try Self.overrides(in: $1) }
    }

    private static func overrides(in file: String) throws -> [TensorOverride] {
        try TensorOverride.list(parsing: InputFile.contents(path: file, limit: 1 << 24))
    }
}
