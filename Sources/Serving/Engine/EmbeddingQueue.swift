import Inference
import Synchronization
import TensorCore

/// Texts whose vectors are asked for, on their way to the engine's thread.
///
/// Requests take turns: a step takes texts of the first in line, then of those behind it as long as
/// they fit, and one with texts left goes to the end of the line.
final class EmbeddingQueue: Sendable {
    /// A request's vectors, or why there are none.
    enum Outcome: Sendable {
        case vectors([[Float]])
        case failure(String)
    }

    /// The texts of one request.
    private struct Group: Sendable {
        let number: Int
        let texts: [Embedder.Text]
        let continuation: AsyncStream<Outcome>.Continuation
        var vectors: [[Float]] = []
    }

    private struct Contents {
        var groups: [Group] = []
        var nextNumber = 0
        var isStopping = false
    }

    private let contents = Mutex(Contents())

    /// Whether there is nothing to do.
    var isIdle: Bool { contents.withLock { $0.groups.isEmpty } }

    /// Puts a request at the end of the line.
    ///
    /// - Throws: `Engine.Refusal` when `limit` requests wait.
    func add(
        _ texts: [Embedder.Text], limit: Int
    ) throws(Engine.Refusal) -> AsyncStream<Outcome> {
        let (stream, continuation) = AsyncStream.makeStream(of: Outcome.self)
        let added = contents.withLock { contents -> Result<Int, Engine.Refusal> in
            guard !contents.isStopping else { return .failure(.stopping) }
            guard contents.groups.count < limit else { return .failure(.queueFull(limit: limit)) }
            contents.nextNumber += 1
            contents.groups.append(
                Group(number: contents.nextNumber, texts: texts, continuation: continuation))
            return .success(contents.nextNumber)
        }
        let number = try added.get()
        continuation.onTermination = { [weak self] reason in
            guard case .cancelled = reason else { return }
            self?.contents.withLock { $0.groups.removeAll { $0.number == number } }
        }
        return stream
    }

    /// Takes no more requests.
    func stop() { contents.withLock { $0.isStopping = true } }

    /// Takes no more requests, and ends those that are here.
    func close() {
        let groups = contents.withLock { contents in
            contents.isStopping = true
            defer { contents.groups = [] }
            return contents.groups
        }
        for group in groups { group.continuation.finish() }
    }

    /// The texts of the next step, each with its request.
    private func next(tokenLimit: Int) -> [(number: Int, text: Embedder.Text)] {
        contents.withLock { contents in
            var texts: [(number: Int, text: Embedder.Text)] = []
            var tokenCount = 0
            for group in contents.groups {
                for text in group.texts[group.vectors.count...] {
                    guard texts.isEmpty || tokenCount + text.tokens.count <= tokenLimit else {
                        return texts
                    }
                    texts.append((group.number, text))
                    tokenCount += text.tokens.count
                }
            }
            return texts
        }
    }

    /// Makes the vectors of some texts.
    func step(_ embedder: Embedder, tokenLimit: Int) {
        let texts = next(tokenLimit: tokenLimit)
        guard !texts.isEmpty else { return }
        do {
            finish(texts.map(\.number), try embedder.vectors(of: texts.map(\.text)))
        } catch {
            // One text may have brought the step down: each is tried alone.
            for (number, text) in texts {
                do {
                    finish([number], try embedder.vectors(of: [text]))
                } catch {
                    fail(number, "\(error)")
                }
            }
        }
    }

    private func finish(_ numbers: [Int], _ vectors: [[Float]]) {
        let done = contents.withLock { contents -> [Group] in
            for (number, vector) in zip(numbers, vectors) {
                // A request that was cancelled meanwhile is no longer there.
                guard let index = contents.groups.firstIndex(where: { $0.number == number })
                else { continue }
                contents.groups[index].vectors.append(vector)
            }
            let done = contents.groups.filter { $0.vectors.count == $0.texts.count }
            contents.groups.removeAll { $0.vectors.count == $0.texts.count }
            // Whoever had a turn and is not done waits for the others.
            if let first = contents.groups.first, numbers.contains(first.number) {
                contents.groups.append(contents.groups.removeFirst())
            }
            return done
        }
        for group in done {
            group.continuation.yield(.vectors(group.vectors))
            group.continuation.finish()
        }
    }

    private func fail(_ number: Int, _ sentence: String) {
        let group = contents.withLock { contents -> Group? in
            guard let index = contents.groups.firstIndex(where: { $0.number == number }) else {
                return nil
            }
            return contents.groups.remove(at: index)
        }
        group?.continuation.yield(.failure(sentence))
        group?.continuation.finish()
    }
}

extension Engine {
    /// Why a request for vectors got none.
    enum EmbeddingFault: Error {
        case refusal(Refusal)
        case failure(String)
        case cancelled
    }

    /// Makes the vectors of texts, in steps between those of other requests.
    ///
    /// When the task is cancelled, the texts that were not done are left.
    func vectors(of texts: [Embedder.Text]) async throws(EmbeddingFault) -> [[Float]] {
        let start = ContinuousClock.now
        func count(_ end: ServingMetrics.VectorEnd) {
            metrics.ended(
                end, textCount: texts.count, tokenCount: texts.reduce(0) { $0 + $1.tokens.count },
                seconds: start.secondsAgo)
        }
        let stream: AsyncStream<EmbeddingQueue.Outcome>
        do {
            stream = try embeddings.add(texts, limit: settings.queueLimit)
        } catch {
            count(.refused)
            throw .refusal(error)
        }
        wake()
        for await outcome in stream {
            switch outcome {
            case .vectors(let vectors):
                count(.done)
                return vectors
            case .failure(let sentence):
                count(.failed)
                throw .failure(sentence)
            }
        }
        count(.cancelled)
        throw .cancelled
    }
}
