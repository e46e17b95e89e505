import Architectures
import Inference
import Pipeline
import Quantization
import TensorCore

/// About how much memory a calibration takes.
struct CalibrationMemory {
    /// In bytes.
    let byteCount: Int

    /// Bytes that each column of an input takes while its moments are summed.
    private static let gramByteCount = 12 << 10
    /// Numbers for each column that a worker rounds with: its rows, thrice, and what they become.
    private static let panelCount = 4 * 64

    init(
        _ model: Model, schedule: RoundingSchedule, formats: [Int: [Format]],
        text: CalibrationWindows, pool: WorkerPool
    ) {
        let width = model.description.embeddingLength
        let batch = LayerInputs.batchTokenCount
        let length = (text.fitting + text.validation).map(\.count).max() ?? 1
        let decoder = try? Decoder(models: [model], products: .ordered, pool: pool)
        var factors: [Int: Int] = [:]
        for step in schedule.steps {
            let all = Set(step.group.tensors.flatMap { formats[$0] ?? [] })
            let bytes = CalibrationMemory.factorByteCount(
                schedule.inputs[step.input].group,
                formatCount: all.filter(\.supportsFeedback).count)
            factors[step.input] = max(factors[step.input] ?? 0, bytes)
        }
        var most = 0
        for block in Set(schedule.inputs.map(\.block)) {
            let numbers = schedule.inputs.indices.filter { schedule.inputs[$0].block == block }
            let groups = numbers.map { schedule.inputs[$0].group }
            let moments = groups.reduce(0) { sum, group in
                group.segments.reduce(sum) {
                    $0 + 16 * (group.matrixCount ?? 1) * $1.count * $1.count
                }
            }
            let summing = groups.reduce(0) { sum, group in
                // All experts together take in a few times the rows; their sums stay in step.
                sum + batch * group.columnCount * 4
                    + CalibrationMemory.gramByteCount * group.columnCount * (group.matrixCount ?? 1)
            }
            most = max(most, moments + max(summing, numbers.map { factors[$0] ?? 0 }.max() ?? 0))
        }
        let columns = schedule.inputs.map(\.group.columnCount).max() ?? 0
        let panels = pool.threadCount * CalibrationMemory.panelCount * columns * 4
        byteCount =
            (text.tokenCount + batch) * width * 4 + most + panels
            + (decoder?.stepByteCount(windowLength: length) ?? 0)
    }

    /// What making the factors of an input's stretches takes, and those of all formats kept.
    private static func factorByteCount(_ group: InputGroup, formatCount: Int) -> Int {
        let squares = group.segments.map { $0.count * $0.count }
        let kept = 8 * max(1, formatCount) * squares.reduce(0, +)
        let largest = squares.max() ?? 0
        return max(kept + 8 * largest, ShrinkChoice.workingByteCount(columnCount: 1) * largest)
    }
}
