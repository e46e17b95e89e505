import Checkpoints
import Reporting
import Safetensors
import TensorCore

/// What `quantize` says of a directory for GPU engines.
enum CheckpointListing {
    /// The plan, tensor by tensor.
    static func lines(_ plan: CheckpointPlan, output: String) -> [String] {
        var table = TextTable(rightAligned: [false, false, false, true, false])
        for tensor in plan.tensors {
            table.add(
                tensor.name, tensor.dataType.rawValue, "\(tensor.shape)",
                NumberFormat.bytes(tensor.byteCount), tensor.isQuantized ? "" : "kept")
        }
        return table.lines + [
            "\(plan.model.path) → \(output): \(plan.form.name), \(NumberFormat.bytes(plan.byteCount))",
            "  engines: \(plan.form.engines); least GPU: \(plan.form.leastGPU)",
            "  left alone: \(plan.ignoredSummary)",
        ] + (plan.needsText ? ["  needs a text: --calibrate"] : [])
    }

    /// The plan as one JSON object.
    static func json(_ plan: CheckpointPlan, output: String) -> String {
        let tensors = plan.tensors.map { tensor -> JSON in
            [
                "byteCount": .integer(tensor.byteCount), "isQuantized": .bool(tensor.isQuantized),
                "name": .string(ByteString(tensor.name)),
                "shape": .array(tensor.shape.dimensions.map { .integer($0) }),
                "type": .string(ByteString(tensor.dataType.rawValue)),
            ]
        }
        let json: JSON = [
            "ignored": .array(plan.ignored.map { .string(ByteString($0)) }),
            "input": .string(ByteString(plan.model.path)),
            "output": .string(ByteString(output)),
            "quantizedElementCount": .integer(plan.quantizedElementCount),
            "recipe": .string(ByteString(plan.form.name)), "schemaVersion": 1,
            "tensorByteCount": .integer(plan.byteCount), "tensors": .array(tensors),
        ]
        return String(decoding: json.written().dropLast(), as: UTF8.self)
    }

    /// What was written.
    static func conclusion(
        _ plan: CheckpointPlan, _ findings: CheckpointWriter.Findings, seconds: Double
    ) -> [String] {
        let files = findings.shardCount == 1 ? "1 file" : "\(findings.shardCount) files"
        return [
            "  \(plan.form.name): \(plan.matrixCount) layers quantized,"
                + " \(NumberFormat.bytes(findings.byteCount)) in \(files);"
                + " \(NumberFormat.duration(seconds))",
            "  left alone: \(plan.ignoredSummary)",
        ]
    }
}
