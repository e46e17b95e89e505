import Architectures
import CKernels

/// The residual streams of some tokens, and what connections note of a token between a part's input and
/// its output.
///
/// Legend: N the number of streams, E their width.
///
/// `@unchecked Sendable`: every group of stretches writes rows of its own.
struct StreamRows: @unchecked Sendable {
    /// `(row, stream, E)`.
    let base: UnsafeMutablePointer<Float>
    /// `(row, note)`.
    let notes: UnsafeMutablePointer<Float>
    /// N.
    let count: Int
    /// E.
    let width: Int
    let noteCount: Int

    /// All rows of a batch.
    init(_ description: DecoderDescription, _ streams: FloatBuffer, _ notes: FloatBuffer) {
        base = streams.base
        self.notes = notes.base
        count = description.streamCount
        width = description.embeddingLength
        noteCount = StreamRows.noteCount(description)
    }

    private init(_ rows: StreamRows, from row: Int) {
        base = rows.base + row * rows.count * rows.width
        notes = rows.notes + row * rows.noteCount
        (count, width, noteCount) = (rows.count, rows.width, rows.noteCount)
    }

    /// The numbers that a connection notes of a token: a weight for each stream, and one for each pair.
    static func noteCount(_ description: DecoderDescription) -> Int {
        description.streamCount * (1 + description.streamCount)
    }

    /// The rows from `row` on.
    func from(_ row: Int) -> StreamRows { StreamRows(self, from: row) }

    /// A token's stream.
    func stream(_ number: Int, row: Int) -> UnsafeMutablePointer<Float> {
        base + (row * count + number) * width
    }

    /// What is noted of a token.
    func notes(row: Int) -> UnsafeMutablePointer<Float> { notes + row * noteCount }

    /// Whether all values of the first rows are finite.
    func areFinite(_ rowCount: Int) -> Bool {
        ingot_all_finite(base, rowCount * count * width)
    }

    /// Moves the wanted rows together.
    func gather(_ rows: RowGroup) {
        rows.gather(base, length: count * width, into: base)
        rows.gather(notes, length: noteCount, into: notes)
    }

    /// Makes streams of tokens' embeddings.
    ///
    /// - Parameters:
    ///   - embeddings: `(row, E)`.
    ///   - second: The second stream of every token, where it is given.
    func start(
        _ start: DecoderDescription.StreamStart, _ embeddings: UnsafePointer<Float>,
        second: [Float]?, rowCount: Int
    ) {
        for row in 0..<rowCount {
            let embedding = embeddings + row * width
            for number in 0..<count {
                let place = stream(number, row: row)
                switch (number, start) {
                case (0, _), (_, .copies): place.update(from: embedding, count: width)
                default: place.update(repeating: 0, count: width)
                }
            }
            guard count > 1, let second else { continue }
            let place = stream(1, row: row)
            for index in 0..<width { place[index] = second[index] }
        }
    }
}
