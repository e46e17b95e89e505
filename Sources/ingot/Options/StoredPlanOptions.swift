import ArgumentParser
import Pipeline
import Quantization
import Reporting
import TensorCore

/// Formats of an earlier plan: what was chosen by measuring is not measured again.
struct StoredPlanOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The type and every tensor's format as --dry-run --json printed them, such as those chosen \
            for a target; TYPE may be left out.
            """, valueName: "plan.json"))
    var formatsFrom: String?

    /// Reads the plan; `nil` where none is named.
    ///
    /// - Throws: `FileProblem` when it is none, `FileError`.
    func load() throws -> StoredPlan? {
        try formatsFrom.map { try StoredPlan(path: $0) }
    }
}

/// The type and the formats of a plan's tensors.
struct StoredPlan {
    let path: String
    let recipe: Recipe
    /// The formats by tensor name.
    let formats: [String: Format]

    /// The most bytes of a plan: 10⁵ tensors with what was measured of each.
    private static let byteLimit = 1 << 28

    /// What is read of the listing of a plan.
    private struct Listing: Decodable {
        struct Tensor: Decodable {
            let name, type: String
        }

        let recipe: String?
        let tensors: [Tensor]
    }

    init(path: String) throws {
        func problem(_ found: String) -> FileProblem {
            FileProblem(
                file: path, problem: "\(found) found, expected the plan of one file",
                remedy: "ingot quantize --dry-run --json prints one.")
        }
        let bytes = try InputFile.contents(path: path, limit: StoredPlan.byteLimit)
        guard let listing = try? ReadableJSON.value(Listing.self, from: bytes) else {
            throw problem("something else")
        }
        guard let recipe = listing.recipe.flatMap({ Recipe.named($0) }) else {
            throw problem("the type \(listing.recipe ?? "null")")
        }
        var formats: [String: Format] = [:]
        for tensor in listing.tensors {
            guard let format = Format.named(tensor.type) else {
                throw problem("the format \(tensor.type.prefix(40)) of \(tensor.name.prefix(80))")
            }
            formats[tensor.name] = format
        }
        (self.path, self.recipe, self.formats) = (path, recipe, formats)
    }

    /// Compares what would be written with the plan.
    ///
    /// - Throws: `FileProblem` that names the first tensor that would be another.
    func check(_ outputs: [PlannedOutput]) throws {
        for output in outputs {
            for file in output.files {
                for tensor in file.tensors where formats[tensor.name] != tensor.choice.format {
                    throw FileProblem(
                        file: path,
                        problem: "\(formats[tensor.name]?.name ?? "no format") found for"
                            + " \(tensor.name), and \(tensor.choice.format) would be written",
                        remedy: "Give the model and the options that the plan was made with.")
                }
            }
        }
        let count = outputs.flatMap(\.files).reduce(0) { $0 + $1.tensors.count }
        guard count == formats.count else {
            throw FileProblem(
                file: path, problem: "\(formats.count) tensors found, \(count) would be written",
                remedy: "Give the model and the options that the plan was made with.")
        }
    }
}
