import Foundation
import Synchronization

/// A graphics card of this machine as `nvidia-smi` tells of it.
public struct GraphicsCard: Sendable, Hashable, Codable {
    /// Its number.
    public var index: Int
    /// Its name.
    public var name: String
    /// The share of time that it works.
    public var use: Double?
    /// Bytes of its memory in use.
    public var usedBytes: Int
    /// Bytes of its memory.
    public var totalBytes: Int
    /// Degrees Celsius.
    public var temperature: Double?
    /// Watts.
    public var power: Double?

    private static let fields =
        "index,name,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw"

    /// Reads what `nvidia-smi --query-gpu=… --format=csv,noheader,nounits` prints; lines of another
    /// form are left out.
    package static func parse(_ text: String) -> [GraphicsCard] {
        text.split(whereSeparator: \.isNewline).prefix(64).compactMap { line in
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            // What no card can be is left out: it may be no number at all.
            func number(_ cell: Int) -> Double? {
                Double(cells[cell]).flatMap { abs($0) < 1e6 ? $0 : nil }
            }
            guard cells.count == 7, let index = Int(cells[0]), let used = Double(cells[3]),
                let total = Double(cells[4]), used >= 0, total > 0, total < 1e9
            else { return nil }
            return GraphicsCard(
                index: index, name: cells[1], use: number(2).map { $0 / 100 },
                usedBytes: Int(min(used, total) * 1_048_576), totalBytes: Int(total * 1_048_576),
                temperature: number(5), power: number(6))
        }
    }

    /// The cards of this machine; none where there is no `nvidia-smi`, or where it does not answer
    /// within seconds.
    public static func all() -> [GraphicsCard] {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let path = folders.map { "\($0)/nvidia-smi" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        guard let path else { return [] }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = ["--query-gpu=\(fields)", "--format=csv,noheader,nounits"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return [] }
        let limit = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + 5, execute: limit)
        let bytes = (try? output.fileHandleForReading.readToEnd()) ?? nil
        process.waitUntilExit()
        limit.cancel()
        return parse(String(decoding: (bytes ?? Data()).prefix(1 << 16), as: UTF8.self))
    }
}
