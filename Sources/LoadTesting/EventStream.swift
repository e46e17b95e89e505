/// Server-sent events out of bytes as they come, cut anywhere.
///
/// Source: the HTML standard, "Server-sent events". Of an event only `data` is kept.
package struct EventStream {
    /// The most bytes of a line, and of an event's data.
    package static let lineLimit = 1 << 20

    private var line: [UInt8] = []
    private var data: [UInt8]?
    private var followsCarriageReturn = false
    private var isFirstLine = true

    package init() {}

    /// Takes bytes in and gives the data of each event that they complete.
    ///
    /// - Throws: `RequestFailure` for lines beyond the limit, and what `event` throws.
    package mutating func take(_ bytes: [UInt8], _ event: ([UInt8]) throws -> Void) throws {
        for byte in bytes {
            let follows = followsCarriageReturn
            followsCarriageReturn = byte == UInt8(ascii: "\r")
            if byte == UInt8(ascii: "\n"), follows { continue }
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                try endLine(event)
                continue
            }
            guard line.count < EventStream.lineLimit else {
                throw RequestFailure(
                    .brokenStream, "a line is longer than \(EventStream.lineLimit) bytes")
            }
            line.append(byte)
        }
    }

    /// Whether the stream ended inside an event.
    var isInsideEvent: Bool { data != nil || !line.isEmpty }

    /// Gives the last event of a stream that ended without the empty line that ends an event.
    package mutating func finish(_ event: ([UInt8]) throws -> Void) throws {
        if !line.isEmpty { try endLine(event) }
        try endEvent(event)
    }

    private mutating func endEvent(_ event: ([UInt8]) throws -> Void) throws {
        guard let complete = data else { return }
        data = nil
        try event(complete)
    }

    private mutating func endLine(_ event: ([UInt8]) throws -> Void) throws {
        defer { line.removeAll(keepingCapacity: true) }
        var text = line[...]
        if isFirstLine, text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        isFirstLine = false
        guard !text.isEmpty else { return try endEvent(event) }
        let name = text.prefix { $0 != UInt8(ascii: ":") }
        guard name.elementsEqual("data".utf8) else { return }
        var value = text.dropFirst(name.count + 1)
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        let joined = data.map { $0 + [UInt8(ascii: "\n")] + value } ?? Array(value)
        guard joined.count <= EventStream.lineLimit else {
            throw RequestFailure(
                .brokenStream, "an event is longer than \(EventStream.lineLimit) bytes")
        }
        data = joined
    }
}
