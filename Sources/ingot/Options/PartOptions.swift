import ArgumentParser
import Parts

/// Doing a part of the work, for commands whose parts `ingot join` puts together.
struct PartOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Do the K-th of N parts of the work, for ingot join: OUT.part-KKKKK-of-NNNNN and a"
                + " manifest. One that is complete is left.", valueName: "K/N"),
        transform: { text in
            guard let part = PartNumber(parsing: text) else {
                throw ValidationError(
                    "--part is \(text), expected K/N with K from 1 to N and N up to"
                        + " \(PartNumber.countLimit)")
            }
            return part
        })
    var part: PartNumber?

    @Flag(help: "With --part: do it again where it is complete.")
    var overwrite = false

    mutating func validate() throws {
        if overwrite, part == nil {
            throw ValidationError("--overwrite is about a part; --part is missing")
        }
    }
}
