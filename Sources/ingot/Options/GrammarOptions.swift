import ArgumentParser
import Evaluation
import Grammars
import TensorCore

/// What a text has to follow, for `generate` and `chat`.
struct GrammarOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A grammar in GBNF that the text follows.", valueName: "gbnf"))
    var grammar: String?

    @Option(help: ArgumentHelp("A file with such a grammar.", valueName: "file"))
    var grammarFile: String?

    @Option(
        name: [.customShort("j"), .long],
        help: ArgumentHelp(
            "A JSON schema that the text follows; {} for any JSON.", valueName: "json"))
    var jsonSchema: String?

    @Option(
        name: [.long, .customLong("jf", withSingleDash: true)],
        help: ArgumentHelp("A file with such a schema.", valueName: "file"))
    var jsonSchemaFile: String?

    /// The longest grammar that is read, in bytes.
    private static let byteLimit = 4 << 20

    mutating func validate() throws {
        let given = [grammar, grammarFile, jsonSchema, jsonSchemaFile].compactMap { $0 }
        guard given.count <= 1 else {
            throw ValidationError(
                "expected one of --grammar, --grammar-file, --json-schema and --json-schema-file")
        }
    }

    /// The grammar; `nil` where none is asked for.
    ///
    /// - Throws: `GrammarError` with the file and the place, `JSONError`, `FileError`.
    func load() throws -> Grammar? {
        let file = (grammarFile ?? jsonSchemaFile).map(TextNames.long)
        do {
            if let grammar { return try Grammar(gbnf: grammar) }
            if let grammarFile {
                return try Grammar(
                    gbnf: String(decoding: try GrammarOptions.bytes(grammarFile), as: UTF8.self))
            }
            if let jsonSchema {
                return try Grammar(
                    jsonSchema: JSON.parse(Array(jsonSchema.utf8), file: "--json-schema"))
            }
            if let jsonSchemaFile {
                return try Grammar(
                    jsonSchema: JSON.parse(
                        try GrammarOptions.bytes(jsonSchemaFile),
                        file: TextNames.long(jsonSchemaFile)))
            }
            return nil
        } catch var error as GrammarError {
            error.file = file ?? (grammar == nil ? "--json-schema" : "--grammar")
            throw error
        }
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        try TextFiles.contents(paths: [path], limit: byteLimit).bytes
    }
}
