/// The scored rows of a few windows of a base model, as a file of logits keeps them: 16 bits a
/// logit.
///
/// A logit is `minimum + step · code`. Logits that differ little from those of the models compared
/// keep rounding errors small; log-probabilities do as well as logits otherwise.
struct StoredLogits: Sendable {
    /// What a row has besides its codes.
    struct Head: Sendable {
        /// The logit of code 0.
        var minimum: Float
        /// The difference between one code and the next.
        var step: Float
        /// `−ln p` of the text's next token.
        var negativeLogLikelihood: Float
        /// The most probable token.
        var top: Int32
    }

    let vocabularyCount: Int
    var heads: [Head] = []
    /// Row after row.
    var codes: [UInt16] = []
    /// Log-probabilities up to this count as nothing; `nil` where all are what they say.
    let floor: Float?

    init(vocabularyCount: Int, floor: Float?) {
        self.vocabularyCount = vocabularyCount
        self.floor = floor
    }

    /// Far enough below any logit that its exponential is nothing, near enough to be multiplied.
    static let nothing: Float = -10_000

    /// The logits of some tokens in a row.
    func decode(row: Int, tokens: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        let head = heads[row]
        codes.withUnsafeBufferPointer { codes in
            let start = row * vocabularyCount + tokens.lowerBound
            for index in 0..<tokens.count {
                output[index] = head.minimum + head.step * Float(codes[start + index])
            }
        }
        guard let floor else { return }
        for index in 0..<tokens.count where output[index] <= floor {
            output[index] = StoredLogits.nothing
        }
    }
}
