import ArgumentParser
import Checkpoints
import Reporting

/// What `quantize --list-types` says of the types of directories for GPU engines.
enum CheckpointTypeListing {
    /// All types: for whom, for what, on which GPU.
    static var lines: [String] {
        var table = TextTable(rightAligned: [false, false, false, false])
        table.add("TYPE", "LEAST GPU", "ENGINES", "FOR")
        for form in CheckpointForm.all {
            table.add(form.name, "\(form.leastGPU)", form.engines, form.purpose)
        }
        return table.lines
    }

    /// The same for a model: the size of its tensors in each type, and why a type is refused.
    ///
    /// - Parameter options: What the user asked for; a size of groups counts where a type has one.
    /// - Throws: What planning throws but `CheckpointError`.
    static func lines(
        of model: CheckpointModel, options: CheckpointPlan.Options
    ) throws -> [String] {
        var table = TextTable(rightAligned: [false, true, false, false, false])
        table.add("TYPE", "SIZE", "LEAST GPU", "ENGINES", "FOR")
        var refusals: [String] = []
        for form in CheckpointForm.all {
            var options = options
            if !form.takesGroupSize { options.scope = nil }
            if !form.takesCacheScales { options.hasCacheScales = false }
            let size: String
            do {
                let plan = try CheckpointPlan(model, form: form, options: options)
                size = NumberFormat.bytes(plan.byteCount)
            } catch let error as CheckpointError {
                size = "refused"
                let sentence = [error.place, error.problem].compactMap(\.self)
                    .joined(separator: ": ")
                let remedy = error.remedy.map { ". \($0)" } ?? ""
                refusals.append("  \(form.name): \(sentence)\(remedy)")
            }
            table.add(form.name, size, "\(form.leastGPU)", form.engines, form.purpose)
        }
        guard !refusals.isEmpty else { return table.lines }
        return table.lines + ["Refused for \(model.path):"] + refusals
    }
}

extension QuantizeCommand {
    /// The types of directories, of the model where one is given.
    func typeListing() throws -> [String] {
        guard let input = words.first else { return CheckpointTypeListing.lines }
        guard words.count == 1 else {
            throw ValidationError("--list-types takes one model or none, found \(words[1]) too")
        }
        let model = try CheckpointModel(at: input, ignoredTensors: ignoreTensors)
        let options = try checkpoint.plan(scope: nil, allowsRequantization: allowRequantize)
        return try CheckpointTypeListing.lines(of: model, options: options)
    }
}
