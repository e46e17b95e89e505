import Architectures
import ArgumentParser
import Inference
import Reporting

/// How one vector is made of a text's rows.
struct PoolingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How one vector is made of a text: mean, cls (the first token's), last, rank (a"
                + " classifier's answers), none (a vector for every token). (default: what the model"
                + " was made for)", valueName: "none|mean|cls|last|rank"),
        transform: PoolingOptions.pooling)
    var pooling: Pooling?

    private static func pooling(_ name: String) throws -> Pooling {
        guard let pooling = Pooling(rawValue: name) else {
            throw ValidationError("'\(name)' found, expected none, mean, cls, last or rank")
        }
        return pooling
    }
}
