import ArgumentParser
import Checkpoints
import Planning
import Quantization
import TensorCore

/// A type that a model is planned in: of GGUF files, or of directories for GPU engines.
enum PlannedType {
    case file(Recipe)
    case directory(name: String, CheckpointForm, WeightGrid.Scope?)

    /// The type that a user names.
    ///
    /// - Throws: The fault of the name, as `quantize` says it.
    init(_ word: String) throws {
        if let type = PlannedType.named(word) {
            self = type
        } else if let fault = CheckpointForm.groupFault(in: word) {
            throw ValidationError(fault)
        } else {
            self = .file(try Recipe.parse(word))
        }
    }

    private init(_ recipe: Recipe) { self = .file(recipe) }

    /// The type of a name; `nil` where there is none.
    static func named(_ word: String) -> PlannedType? {
        if let recipe = Recipe.named(word) { return PlannedType(recipe) }
        return CheckpointForm.named(word).map {
            .directory(name: name($0.form, $0.scope), $0.form, $0.scope)
        }
    }

    /// The type of a level of a report.
    static func reported(_ name: String) -> PlannedType? {
        if let recipe = Recipe.named(name) { return PlannedType(recipe) }
        return CheckpointForm.reported(name).map {
            .directory(name: self.name($0.form, $0.scope), $0.form, $0.scope)
        }
    }

    /// Every type, those of files first.
    static var all: [PlannedType] {
        ModelAtPath.ladder.map(PlannedType.init)
            + CheckpointForm.all.map { .directory(name: $0.name, $0, nil) }
    }

    /// Its name: `Q4_K_M`, `W4A16_G64`.
    var name: String {
        switch self {
        case .file(let recipe): recipe.name
        case .directory(let name, _, _): name
        }
    }

    /// A form's own group goes without saying.
    private static func name(_ form: CheckpointForm, _ scope: WeightGrid.Scope?) -> String {
        guard let scope, scope != form.grid.scope else { return form.name }
        switch scope {
        case .group(let size): return "\(form.name)_G\(size)"
        default: return form.name + "_CHANNEL"
        }
    }
}

/// A model in one type after the other.
///
/// What types of directories need is opened once, when the first of them is asked for.
final class TypedModels {
    private let place: ModelAtPath
    private var opened: Result<CheckpointLadder, any Error>?
    private var isTold = false

    init(_ place: ModelAtPath) { self.place = place }

    /// The model in a type.
    ///
    /// - Throws: Why it cannot be written in it.
    func typed(_ type: PlannedType) throws -> ModelAtPath.TypedModel {
        switch type {
        case .file(let recipe): return try place.quantized(to: recipe)
        case .directory(let name, let form, let scope):
            let ladder = opened ?? Result { try CheckpointLadder(place) }
            opened = ladder
            return try ladder.get().typed(name, form: form, scope: scope)
        }
    }

    /// What to say of a type that is left out; `nil` where it has been said for all like it.
    func omission(_ type: PlannedType, _ error: any IngotError) -> String? {
        guard case .directory = type, case .failure = opened else {
            return "\(type.name) is left out: \(error.problem)"
        }
        defer { isTold = true }
        return isTold ? nil : "types of directories are left out: \(error.problem)"
    }
}
