import Quantization
import TensorCore

/// The command lines of a model's tasks.
struct TaskCommands {
    /// A piece of work that makes one output, whole or in parts.
    struct Work {
        /// The output, which parts are named after.
        let output: String
        /// The file that is there when it is complete.
        let final: String
        /// The words of the command but for parts and threads.
        let words: [String]
        /// The program.
        let program: String

        /// All of it in one task.
        func whole(cores: Int) -> Campaign.Task {
            Campaign.Task(
                output: final, final: final, command: ShellWords.joined(words + threads(cores)))
        }

        /// A part.
        func part(_ number: Int, of count: Int, cores: Int) -> Campaign.Task {
            Campaign.Task(
                output: output + Work.suffix(number, count) + ".manifest.json", final: final,
                command: ShellWords.joined(
                    words + ["--part", "\(number)/\(count)"] + threads(cores)))
        }

        /// The parts checked and put together.
        func join(_ count: Int, cores: Int, keepsParts: Bool) -> Campaign.Task {
            let words = [program, "join", output] + (keepsParts ? [] : ["--delete-parts"])
            return Campaign.Task(
                output: final, final: final, command: ShellWords.joined(words + threads(cores)))
        }

        private func threads(_ cores: Int) -> [String] { ["--threads", "\(cores)", "--quiet"] }

        private static func suffix(_ number: Int, _ count: Int) -> String {
            ".part-\(digits(number))-of-\(digits(count))"
        }

        private static func digits(_ number: Int) -> String { String("0000\(number)".suffix(5)) }
    }

    private let source: PlannedSource
    private let job: ClusterJob
    private let folder: String
    /// The file that levels are made of.
    let base: String

    init(_ source: PlannedSource, job: ClusterJob) {
        (self.source, self.job) = (source, job)
        folder = source.folder(in: job)
        base = source.base(in: job)
    }

    private func work(_ output: String, final: String? = nil, _ words: [String]) -> Work {
        Work(
            output: output, final: final ?? output, words: [job.program] + words,
            program: job.program)
    }

    /// The directory becomes a file.
    var convert: Work {
        work(
            base,
            ["convert", source.model.path, "--outfile", base, "--outtype", job.outputType])
    }

    /// The importance matrix.
    var imatrixPath: String { "\(folder)/imatrix.gguf" }

    /// It is made.
    var imatrix: Work {
        work(imatrixPath, ["imatrix", base, "-o", imatrixPath] + options(of: job.importance))
    }

    /// The folder of the layers' inputs.
    private var inputs: String { "\(folder)/inputs" }
    /// What is in it when it is complete: it appears as a whole.
    var inputsMark: String { inputs }

    /// They are stored.
    var calibrate: Work {
        var words = ["calibrate", "inputs", base, inputs]
        if let calibration = job.calibration {
            if let tokens = calibration.tokens { words += ["--calibrate-tokens", "\(tokens)"] }
            if !calibration.checks.isEmpty {
                words += ["--calibrate-check", calibration.checks.joined(separator: ",")]
            }
            if !calibration.texts.isEmpty {
                words.append("--calibrate=" + calibration.texts.joined(separator: ","))
            }
        }
        return work(inputs, final: inputsMark, words)
    }

    /// The file of a level.
    func path(of recipe: Recipe) -> String { "\(folder)/\(source.model.name)-\(recipe.name).gguf" }

    /// A level is made.
    func quantize(_ recipe: Recipe) -> Work {
        var words = ["quantize", base, path(of: recipe), recipe.name]
        if job.importance != nil { words += ["--imatrix", imatrixPath] }
        if let calibration = job.calibration {
            if let effort = calibration.effort { words += ["--effort", effort] }
            words += ["--calibrate", inputs]
        }
        return work(path(of: recipe), words)
    }

    /// The levels are measured.
    var report: Work {
        let output = "\(folder)/report"
        return work(
            output, final: output + "/report.json",
            ["report", base] + source.levels.map { path(of: $0.recipe) } + ["-o", output]
                + options(of: job.report))
    }

    private func options(of text: ClusterJob.Text?) -> [String] {
        guard let text else { return [] }
        var words = text.texts.flatMap { ["-f", $0] }
        if let context = text.context { words += ["--context", "\(context)"] }
        if let chunks = text.chunks { words += ["--chunks", "\(chunks)"] }
        if let activations = text.activations { words += ["--activations", activations] }
        return words
    }
}

/// Words as a shell reads them.
enum ShellWords {
    /// Several words.
    static func joined(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

    /// A word, in quotes where a shell would take it for more than itself.
    static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "_-./=:,+@%".utf8.contains(byte)
            }
        guard !isPlain else { return word }
        return "'"
            + word.split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: "'\\''") + "'"
    }
}
