import Allocation
import Pipeline

/// A model to be written, and the files that it is cut into.
struct PlannedOutput {
    /// The plan of the whole, as if it were one file.
    let plan: Plan
    /// The plans of the files: the whole, or its parts.
    let files: [Plan]
    /// Why its formats were chosen, where they were chosen for a target.
    var allocation: AllocationReport?

    /// Cuts a plan as the user asked.
    init(_ plan: Plan, split: SplitOptions) throws {
        self.plan = plan
        files = try plan.split(split.limit)
    }

    /// A plan and the files that it is cut into.
    init(_ plan: Plan, files: [Plan]) {
        self.plan = plan
        self.files = files
    }

    /// A plan that is one file, whatever its number in a split.
    init(_ plan: Plan) {
        self.plan = plan
        files = [plan]
    }
}

extension [PlannedOutput] {
    /// The files of all outputs.
    var files: [Plan] { flatMap(\.files) }

    /// Each output with what was found in its files.
    func with(_ findings: [PlanWriter.Findings]) -> [(
        output: PlannedOutput, findings: PlanWriter.Findings
    )] {
        var rest = findings[...]
        return map { output in
            let own = rest.prefix(output.files.count)
            rest = rest.dropFirst(own.count)
            return (output, PlanWriter.Findings(own))
        }
    }
}
