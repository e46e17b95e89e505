/// Finds texts that end a generation in bytes that come piece by piece.
///
/// A stop text may begin and end inside tokens. What may still become one is held back.
package struct StopMatcher: Sendable {
    private let stops: [[UInt8]]
    private var held: [UInt8] = []

    package init(_ stops: [String]) {
        self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty }
    }

    /// Adds bytes.
    ///
    /// - Returns: The bytes that are no part of a stop text, and the number of the stop text that was
    ///   found: what comes after it is dropped.
    /// - Complexity: O((held + added bytes) · bytes of all stop texts).
    package mutating func add(_ bytes: [UInt8]) -> (released: [UInt8], stop: Int?) {
        guard !stops.isEmpty else { return (bytes, nil) }
        held += bytes
        for start in held.indices {
            var isOpen = false
            for (number, stop) in stops.enumerated() {
                let count = min(stop.count, held.count - start)
                guard held[start..<start + count].elementsEqual(stop[..<count]) else { continue }
                if count == stop.count {
                    let released = Array(held[..<start])
                    held = []
                    return (released, number)
                }
                isOpen = true
            }
            if isOpen {
                let released = Array(held[..<start])
                held.removeFirst(start)
                return (released, nil)
            }
        }
        defer { held = [] }
        return (held, nil)
    }

    /// What is held back when nothing more comes.
    package mutating func finish() -> [UInt8] {
        defer { held = [] }
        return held
    }
}
