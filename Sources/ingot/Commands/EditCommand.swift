import ArgumentParser
import GGUF
import Pipeline
import Reporting
import TensorCore

/// The command `ingot edit IN OUT`.
struct EditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Change a GGUF file's metadata and its tensors' names.",
        discussion: """
            Writes a copy with the changes, or with --in-place changes the header alone \
            where its length allows: the header that was there stays beside the file, in \
            FILE.header, and --restore-header puts it back. Changes are made in the order \
            sets, removals, renamings. Of a split model IN is the first part; the copy is \
            one file, --in-place changes the part.

            TYPE is u8 to u64, i8 to i64, f32, f64, bool or str, with [] behind it for an \
            array in JSON; int and float are u32 and f32. A key that is there keeps its type \
            without TYPE.

            Examples:
              ingot edit model.gguf out.gguf --set general.name="My model"
              ingot edit model.gguf out.gguf --set 'general.tags=str[]:["chat","en"]'
              ingot edit model.gguf out.gguf --chat-template template.jinja \\
                --remove general.url
              ingot edit model.gguf out.gguf --rename-tensor output.weight=lm_head.weight
              ingot edit --in-place model.gguf --set tokenizer.ggml.eos_token_id=107
              ingot edit --restore-header model.gguf.header model.gguf
            """)

    @Argument(help: "A GGUF file.", completion: .file(extensions: ["gguf"]))
    var input: String

    @Argument(help: "The file to write; none with --in-place.")
    var output: String?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Give a key a value; may be repeated.", valueName: "key=type:value"))
    var entries: [String] = []

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Remove a key; may be repeated.", valueName: "key"))
    var remove: [String] = []

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Give a value another key; may be repeated.", valueName: "old=new"))
    var rename: [String] = []

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Give a tensor another name; may be repeated.", valueName: "old=new"))
    var renameTensor: [String] = []

    @OptionGroup var template: ChatTemplateOptions

    @Flag(help: "Change the header of IN, and leave its tensors where they are.")
    var inPlace = false

    @Option(
        help: ArgumentHelp(
            "Put back a header that --in-place kept; IN is the file.", valueName: "copy"))
    var restoreHeader: String?

    @Flag(help: "Show the changes and write nothing.")
    var dryRun = false

    @OptionGroup var options: RunOptions

    mutating func validate() throws {
        let isChange =
            !(entries + remove + rename + renameTensor).isEmpty || template.chatTemplate != nil
        if restoreHeader != nil {
            guard !isChange, output == nil, !inPlace, !dryRun else {
                throw ValidationError("--restore-header stands alone, with the file")
            }
            return
        }
        guard isChange else {
            throw ValidationError(
                "nothing to change: --set, --remove, --rename, --rename-tensor or --chat-template")
        }
        if inPlace, output != nil {
            throw ValidationError("--in-place changes \(input) itself and takes no output")
        }
        if !inPlace, output == nil, !dryRun {
            throw ValidationError("an output is missing, or --in-place")
        }
    }

    func run() throws {
        if let restoreHeader {
            try HeaderEdit.restore(restoreHeader, in: input)
            options.note(["\(input): the header of \(restoreHeader) is back"])
            return
        }
        let changes = try changes()
        if inPlace {
            let file = try SplitSource.openFirst(path: input, forRepair: true)
            let edit = try HeaderEdit(file, changes: changes)
            show(file.metadata, edit.metadata, file.tensors, edit.tensors)
            if !dryRun, let copy = try edit.write() {
                options.note(["the header that was there: \(copy)"])
            }
            return
        }
        let source = try SplitSource.open(path: input, forRepair: true)
        let edited = try EditedSource(source, changes: changes)
        show(source.metadata, edited.metadata, source.tensors, edited.tensors)
        guard let output, !dryRun else { return }
        let plan = try Plan.asDescribed(edited, outputPath: output)
        try PlanWriter.writeCopies([plan], options)
    }

    private func changes() throws -> [ModelEdit.Change] {
        var changes = try entries.map { ModelEdit.Change.set(try MetadataEntry(parsing: $0)) }
        if let text = try template.load() {
            changes.append(
                .replace(
                    MetadataOverride(key: ChatTemplateOptions.key, value: .string(text))))
        }
        changes += remove.map { .remove($0) }
        changes += try rename.map {
            let (old, new) = try EditCommand.names($0, "--rename")
            return .rename(old, to: new)
        }
        changes += try renameTensor.map {
            let (old, new) = try EditCommand.names($0, "--rename-tensor")
            return .renameTensor(old, to: new)
        }
        return changes
    }

    private static func names(_ text: String, _ option: String) throws -> (String, String) {
        guard let equals = text.firstIndex(of: "=") else {
            throw ValidationError("\(option) is \(text), expected OLD=NEW")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    /// Says what changes.
    private func show(
        _ old: Metadata, _ new: Metadata, _ oldTensors: [TensorDescription],
        _ newTensors: [TensorDescription]
    ) {
        guard !options.quiet else { return }
        func line(_ sign: String, _ key: String, _ value: MetadataValue) -> String {
            "\(sign) \(key) = \(value.typeName) \(FileContents.Value(value).line)"
        }
        var lines: [String] = []
        for (key, value) in old.entries where new[key] != value && key != HeaderEdit.fillerKey {
            lines.append(line("-", key, value))
            if let value = new[key] { lines.append(line("+", key, value)) }
        }
        for (key, value) in new.entries where old[key] == nil {
            lines.append(line("+", key, value))
        }
        for (old, new) in zip(oldTensors, newTensors) where old.name != new.name {
            lines += ["- tensor \(old.name)", "+ tensor \(new.name)"]
        }
        Terminal.print(lines: lines.isEmpty ? ["nothing changes"] : lines)
    }
}

extension PlanWriter {
    /// Writes files whose tensors are copied, with a bar, and says what they are.
    static func writeCopies(_ plans: [Plan], _ run: RunOptions) throws {
        var options = WriteOptions()
        options.threadCount = run.threads
        options.allowsNonFinite = true
        options.toolVersion = Ingot.version
        _ = try write(plans, options: options, isQuiet: run.quiet)
        run.note(
            plans.map {
                "\($0.outputPath): \(NumberFormat.counted($0.tensors.count, "tensor")),"
                    + " \(NumberFormat.bytes($0.layout.byteCount))"
            })
    }
}
