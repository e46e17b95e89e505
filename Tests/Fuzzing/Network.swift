import Foundation
import LoadTesting
import Planning
import TensorCore
import Watching

extension FuzzTarget {
    /// What comes from servers, and what users write about machines.
    static let network: [FuzzTarget] = [
        // Two scrapes of a server, five seconds apart.
        FuzzTarget("metrics", sources: ["Watching"]) { bytes, _ in
            let (before, now) = bytes.halves
            var history = WatchHistory(window: 30, limits: [:])
            for (time, text) in [(0.0, before), (5.0, now)] {
                let exposition = ExpositionParser.parse(text)
                guard let engine = Engine.recognised(in: exposition) else { continue }
                history.add(.metrics(engine, exposition), at: time)
            }
            let report = WatchReport(
                server: "http://localhost", date: Date(timeIntervalSince1970: 0), history: history,
                cards: GraphicsCard.parse(String(decoding: bytes, as: UTF8.self)))
            guard !report.lines(colours: true).isEmpty else { throw FuzzFailure("no line") }
        },
        // A streamed answer: the first byte says how it is cut.
        FuzzTarget(
            "events", sources: ["LoadTesting/EventStream", "LoadTesting/AnswerReader"]
        ) { bytes, _ in
            let size = Int(bytes.first ?? 0) + 1
            do {
                let whole = try answer(bytes, size: bytes.count + 1)
                guard try answer(bytes, size: size) == whole else {
                    throw FuzzFailure("an answer cut into \(size) bytes reads as something else")
                }
            } catch is RequestFailure {
                guard (try? answer(bytes, size: size)) == nil else {
                    throw FuzzFailure("an answer is refused whole and taken in pieces")
                }
            }
        },
        FuzzTarget("hardware", sources: ["Planning/HardwareTable", "Planning/Device.swift"]) {
            bytes, scratch in
            _ = try HardwareTable(path: scratch.file("hardware.json", bytes))
        },
    ]

    private static func answer(_ bytes: [UInt8], size: Int) throws -> AnswerReader.Usage {
        var stream = EventStream()
        var reader = AnswerReader(endpoint: bytes.count.isMultiple(of: 2) ? .chat : .completions)
        var rest = bytes.dropFirst()
        while !rest.isEmpty {
            try stream.take(Array(rest.prefix(size))) { try reader.take($0, at: 0) }
            rest = rest.dropFirst(size)
        }
        try stream.finish { try reader.take($0, at: 1) }
        return try reader.checkedUsage(limit: 64, needsContent: true)
    }
}
