/// How fast some devices of a kind run a model together.
///
/// A step reads the weights that its tokens need and the keys and values of their texts, and computes
/// two operations for each parameter and token; whichever takes longer tells its time.
struct DeviceSpeed {
    let model: PlannedModel
    let shape: ServingShape
    let device: Device
    let count: Int

    /// The seconds of a step that gives each of `batch` texts of `length` tokens one more.
    func stepSeconds(batch: Int, length: Int) throws(PlanningError) -> Double {
        let texts = Double(batch)
        let bytes =
            model.work.readByteCount(batch: batch)
            + texts * (try model.cache.readByteCount(length: length, shape))
        let operations = 2 * model.work.activeParameterCount * texts
        return max(
            bytes / device.reachedBandwidth(count: count),
            operations / device.reachedFlops(count: count))
    }

    /// The seconds that a prompt of `length` tokens takes by itself.
    func promptSeconds(length: Int) -> Double {
        let tokens = Double(length)
        var operations = 2 * model.work.activeParameterCount * tokens
        for (width, window) in model.attentionWork {
            // Half of the square, and no more than a window for each query.
            let seen = min((tokens + 1) / 2, Double(window ?? .max))
            operations += 2 * Double(width) * tokens * seen
        }
        return max(
            operations / device.reachedFlops(count: count),
            model.work.readByteCount(batch: length) / device.reachedBandwidth(count: count))
    }
}
