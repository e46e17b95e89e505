import ArgumentParser
import Conversion
import Foundation
import Quantization
import TensorCore

/// The words of `ingot quantize`, told apart: input, outputs with their types, threads.
struct QuantizeRequest {
    struct Output {
        let path: String
        let recipe: Recipe
    }

    let input: String
    private(set) var outputs: [Output]
    let threads: Int?
    /// The folder that outputs go to, where one was named; it may not be there yet.
    let folder: String?
    /// With a target instead of types: the output, and the type whose mixture is tried.
    let targetPath: String
    let start: Recipe?

    /// A run with a target.
    init(
        input: String, threads: Int?, folder: String?, targetPath: String, start: Recipe?
    ) throws {
        self.input = input
        outputs = []
        self.threads = try QuantizeRequest.checked(threads)
        self.folder = folder
        self.targetPath = targetPath
        self.start = start
    }

    /// A run whose type an earlier plan tells: `IN [OUT.gguf|FOLDER/] [TYPE] [THREADS]`.
    init(planned words: [String], threads: Int?, recipe: Recipe) throws {
        try self.init(allocating: words, threads: threads, label: recipe.name)
        if let start, start.name != recipe.name {
            throw ValidationError(
                "\(start.name) asked for, and --formats-from has a plan of \(recipe.name); TYPE may"
                    + " be left out")
        }
        outputs = [Output(path: targetPath, recipe: recipe)]
    }

    private static func checked(_ threads: Int?) throws -> Int? {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("\(threads) threads asked for, expected 1 to 1024")
        }
        return threads
    }

    /// Finds out which word is what: the output may be left out or be a folder, threads may follow.
    init(_ words: [String], threads: Int?) throws {
        guard words.count >= 2 else {
            throw ValidationError("expected IN [OUT.gguf] TYPE [THREADS]")
        }
        let input = words[0]
        self.input = input
        var rest = words.dropFirst()
        let second = words[1]
        // A type may be a number too; the number after it is the number of threads.
        let firstType = Recipe.named(second) == nil && words.count > 2 ? 2 : 1
        var threadCount = threads
        if words.count > firstType + 1, let last = rest.last, let count = Int(last) {
            // 0 leaves the choice to the tool.
            threadCount = count == 0 ? threads : count
            rest = rest.dropLast()
        }
        self.threads = try QuantizeRequest.checked(threadCount)
        (targetPath, start) = ("", nil)
        // Beside a file, in a directory.
        let beside =
            Paths.isFolder(input) && !input.hasSuffix("/")
            ? input + "/" : input.lastIndex(of: "/").map { String(input[...$0]) } ?? ""
        if rest.count == 1 || Recipe.named(second) != nil {
            guard rest.count == 1 else {
                throw ValidationError(
                    "unexpected argument \(words[2]); several types need a folder as output")
            }
            let recipe = try Recipe.parse(second)
            outputs = [Output(path: "\(beside)ggml-model-\(recipe.name).gguf", recipe: recipe)]
            folder = nil
        } else if second.hasSuffix("/") || rest.count > 2 && Paths.isFolder(second) {
            // One type and a folder without a slash is more likely a mistake than a wish.
            let folder = second.hasSuffix("/") ? second : second + "/"
            let stem = QuantizeRequest.stem(of: input)
            let outputs = try rest.dropFirst().map { word in
                let recipe = try Recipe.parse(word)
                return Output(path: "\(folder)\(stem)-\(recipe.name).gguf", recipe: recipe)
            }
            guard Set(outputs.map(\.path)).count == outputs.count else {
                throw ValidationError("a type is named twice")
            }
            self.outputs = outputs
            self.folder = folder
        } else {
            guard rest.count == 2 else {
                let word = rest[rest.startIndex + 2]
                throw ValidationError(
                    Recipe.named(word) == nil
                        ? "THREADS is \(word), expected a number"
                        : "\(second) is no folder; several types need one, for example \(second)/")
            }
            outputs = [Output(path: second, recipe: try Recipe.parse(rest[rest.endIndex - 1]))]
            folder = nil
        }
    }

    /// The input's name without its ending and without the type that it is in.
    static func stem(of path: String) -> String {
        // `.` has a name too, and a snapshot that of its repository.
        var name =
            Paths.isFolder(path)
            ? (try? HuggingFaceDirectory.name(ofModelAt: path)) ?? "model" : Paths.name(path)
        for ending in [".gguf", "-f16", "-bf16", "-f32"]
        where name.lowercased().hasSuffix(ending) && name.count > ending.count {
            name = String(name.dropLast(ending.count))
        }
        return name
    }
}
