import Architectures

/// What attention learned to add to scores for distances (T5).
struct DistanceBias: Sendable {
    private let offset: Int
    private let headCount: Int
    private let longest: Int
    /// The buckets of distances from `-longest` to `longest`.
    private let buckets: [Int]

    init(
        _ bias: BlockDescription.RelativeBias, headCount: Int, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        offset = try layout.tensor(bias.tensor, shape: [bias.bucketCount, headCount])
        self.headCount = headCount
        longest = bias.longest
        buckets = (-bias.longest...bias.longest).map { bias.bucket(distance: $0) }
    }

    /// The number for a key `distance` positions behind a head's query.
    func value(_ weights: UnsafePointer<Float>, head: Int, distance: Int) -> Float {
        let bucket = buckets[max(-longest, min(longest, distance)) + longest]
        return weights[offset + bucket * headCount + head]
    }
}
