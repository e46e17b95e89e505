import GGUF
import Pipeline
import Quantization
import TensorCore

/// The mixtures that file types prescribe for a model.
struct RecipeMixtures: Sendable {
    /// The mixtures that can be had, in the order of `Recipe.all`.
    let mixtures: [Mixture]

    /// File types of no more bits than 8 that are not made for models of a special kind.
    private static let recipes: [Recipe] = [
        .Q2_K, .Q2_K_S, .Q3_K_S, .Q3_K_M, .Q3_K_L, .Q4_K_S, .Q4_K_M, .Q5_K_S, .Q5_K_M, .Q6_K, .Q8_0,
        .IQ2_XXS, .IQ2_XS, .IQ2_S, .IQ2_M, .IQ3_XXS, .IQ3_XS, .IQ3_S, .IQ3_M, .IQ4_XS,
    ]

    /// Plans them all.
    ///
    /// - Parameter start: A file type that is to be among them.
    init(
        _ model: Allocatable, of source: any TensorSource, options: QuantizeOptions, start: Recipe?,
        least: Format?, outputPath: String
    ) throws {
        var mixtures: [Mixture] = []
        let isListed = RecipeMixtures.recipes.contains { $0.fileType == start?.fileType }
        for recipe in RecipeMixtures.recipes + (isListed ? [] : [start].compactMap { $0 }) {
            let isStart = recipe.fileType == start?.fileType
            let plan: Plan
            do {
                plan = try Plan.quantize(
                    source, recipe: recipe, options: options, outputPath: outputPath)
            } catch let error as RecipeError {
                // Without importance some cannot be had.
                if isStart { throw error }
                continue
            }
            guard let choice = model.choice(of: plan),
                plan.layout.byteCount == model.byteCount(choice)
            else { continue }
            let keepsFloor = zip(model.tensors, choice).allSatisfy {
                $0.formats[$1].bitsPerWeight >= (least?.bitsPerWeight ?? 0)
            }
            guard keepsFloor else { continue }
            mixtures.append(
                Mixture(
                    name: recipe.name, choice: choice, recipe: recipe,
                    byteCount: plan.layout.byteCount))
        }
        self.mixtures = mixtures
    }

    /// The file type whose file would be nearest in size: what a reader is told that the file is.
    ///
    /// Never Q2_K_S, whose rule refuses Q2_K to tensors without importance.
    func nearest(to byteCount: Int) -> Recipe {
        mixtures.filter { $0.recipe?.fileType != Recipe.Q2_K_S.fileType }.min {
            abs($0.byteCount - byteCount) < abs($1.byteCount - byteCount)
        }?.recipe ?? .Q4_K_M
    }
}
