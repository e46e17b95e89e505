public import Tokenization

extension Tokenizer {
    /// What a token adds to a text: a space in front of the first word is no part of the text, one
    /// in front of any other is.
    ///
    /// - Parameters:
    ///   - previous: The token before it.
    ///   - showsControl: Whether control tokens appear with their names; else they add nothing.
    public func bytes(
        of token: Int32, after previous: Int32, showsControl: Bool
    ) -> [UInt8] {
        // A control token in front keeps the space of the first word as well.
        let before = decode([previous], showsControl: true)
        let both = decode([previous, token], showsControl: true)
        let isHidden = !showsControl && decode([token]).isEmpty
        return isHidden ? [] : Array(both.dropFirst(before.count))
    }
}
