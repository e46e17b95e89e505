import ArgumentParser

/// What `convert` is told about matrices behind a model.
struct DenseModuleOptions: ParsableArguments {
    @Flag(
        name: .customLong("sentence-transformers-dense-modules"),
        help: """
            Make the matrices that sentence-transformers keeps behind an embedding model (2_Dense, \
            3_Dense) a part of the file.
            """)
    var includesDenseModules = false
}
