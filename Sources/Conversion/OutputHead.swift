import Architectures
import Safetensors
import TensorCore

/// The embeddings of a checkpoint, and output matrices beside them.
///
/// A configuration may say that the two are one matrix (`tie_word_embeddings`). As in transformers,
/// what is there counts for more: an output matrix that differs is the model's, whatever the
/// configuration says, and of two tied matrices either may stand for both.
struct OutputHead {
    /// A tensor and the name that the rules have for it.
    typealias Named = (stored: any ReadableTensor, name: String)

    /// What the user should know.
    private(set) var notices: [String] = []
    /// Where configuration and checkpoint contradict each other.
    private(set) var warnings: [String] = []
    private let architecture: String
    private let isTied: Bool
    private let directory: String

    /// Decides what becomes of a checkpoint's output matrices.
    ///
    /// Those that are no more than the embeddings are taken off the list where a file has no place
    /// for them or does without; embeddings that are missing are taken from one.
    ///
    /// - Throws: `ConversionError` about an output matrix that differs from the embeddings and has
    ///   no place in a file.
    init(
        _ tensors: inout [Named], family: ModelFamily, configuration: ModelConfiguration,
        directory: String
    ) throws {
        architecture = try family.architecture(of: configuration)
        isTied = configuration.tieWordEmbeddings
        self.directory = directory
        guard let embedding = family.embeddingName else { return }
        let heads = family.outputMatrices
        for (name, place) in heads {
            guard let index = tensors.firstIndex(where: { $0.name == name }) else { continue }
            guard let embeddings = tensors.first(where: { $0.name == embedding }) else {
                guard isTied || place == .none else { continue }
                notices.append(
                    "the embeddings are those of \(tensors[index].stored.name), to which they are "
                        + "tied")
                tensors[index].name = embedding
                continue
            }
            // Written whatever it is; only of tied ones is there something to say.
            guard isTied || place == .none else { continue }
            let head = tensors[index].stored
            if try OutputHead.areEqual(head, embeddings.stored) {
                if place != .always { tensors.remove(at: index) }
            } else {
                try takeDiffering(head, from: embeddings.stored, place)
            }
        }
        // Another copy of an encoder's embeddings is nothing that could be missing.
        if !isTied, configuration.pooling == nil, let main = heads.first,
            main.place != .none || main.name.hasPrefix("lm_head."),
            !tensors.contains(where: { $0.name == main.name })
        {
            warnings.append(
                "the checkpoint has no \(main.name) and the configuration does not tie it to the "
                    + "embeddings; readers take the embeddings for it, which is right for an "
                    + "embedding model only")
        }
    }

    private mutating func takeDiffering(
        _ head: any ReadableTensor, from embeddings: any ReadableTensor,
        _ place: ModelFamily.OutputPlace
    ) throws {
        guard place != .none else {
            throw ConversionError(
                .headWithoutPlace(embeddings: embeddings.name, architecture: architecture),
                path: head.path, place: head.name)
        }
        warnings.append(
            "\(head.name) differs from the embeddings, to which the configuration ties it "
                + "(tie_word_embeddings); it is written as output.weight, as transformers loads it")
    }

    /// Whether two tensors have the same shape and values.
    static func areEqual(_ left: any ReadableTensor, _ right: any ReadableTensor) throws -> Bool {
        guard left.shape == right.shape else { return false }
        let count = left.shape.elementCount
        let step = 1 << 16
        let scratch = ScratchBuffer()
        let rooms = [0, 1].map { _ in UnsafeMutableBufferPointer<Float>.allocate(capacity: step) }
        defer { for room in rooms { room.deallocate() } }
        guard let first = rooms[0].baseAddress, let second = rooms[1].baseAddress else {
            return false
        }
        for start in stride(from: 0, to: count, by: step) {
            let range = start..<min(start + step, count)
            try left.readFloats(range, into: first, scratch: scratch)
            try right.readFloats(range, into: second, scratch: scratch)
            for index in 0..<range.count
            where first[index].bitPattern != second[index].bitPattern { return false }
        }
        return true
    }
}
