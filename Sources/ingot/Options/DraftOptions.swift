import ArgumentParser

/// What `convert` is told about a draft model.
struct DraftOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            For a draft model (EAGLE-3, DFlash, DSpark): the directory of the model that it drafts \
            for, which has the tokenizer.
            """, valueName: "directory"))
    var targetModelDir: String?
}
