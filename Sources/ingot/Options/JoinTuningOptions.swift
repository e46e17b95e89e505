import ArgumentParser

/// What `join` needs for parts whose norms are tuned by the whole file.
struct JoinTuningOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The GGUF file that parts of --effort best were made of.", valueName: "model.gguf"))
    var model: String?

    @OptionGroup var calibration: CalibrateOptions
}
