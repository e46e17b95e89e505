import Architectures
import Inference
import TensorCore

/// About how much memory a calibration takes.
struct CalibrationMemory {
    /// In bytes.
    let byteCount: Int

    init(_ model: Model, schedule: RoundingSchedule, text: CalibrationWindows) {
        let width = model.description.embeddingLength
        let rows = text.tokenCount * width * 4
        let batch = LayerInputs.batchTokenCount
        var most = 0
        for block in Set(schedule.inputs.map(\.block)) {
            let groups = schedule.inputs.filter { $0.block == block }.map(\.group)
            let moments = groups.reduce(0) {
                $0 + 2 * ($1.matrixCount ?? 1) * $1.columnCount * $1.columnCount * 8
            }
            let pieces = groups.reduce(0) { $0 + batch * $1.columnCount * 4 }
            let columns = groups.map(\.columnCount).max() ?? 0
            let factors = ShrinkChoice.workingByteCount(columnCount: columns)
            most = max(most, moments + max(pieces, factors))
        }
        // The batch's residual rows and those of its mixer and network, and two blocks in F32.
        byteCount = rows + most + batch * width * 8
    }
}
