// Nanoseconds per element of every format's encoder and decoder on every instruction set that this
// machine has, one thread.
import Quantization

/// Rows like a weight matrix's: Gaussian, with importance like squared activations'.
private struct Inputs {
    static let rowCount = 16
    static let rowLength = 4096
    let rows: [Float]
    let importance: [Float]

    init() {
        var state: UInt64 = 42
        func uniform() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) * 0x1p-24
        }
        func normal() -> Float { (0..<12).reduce(Float(-6)) { sum, _ in sum + uniform() } }
        rows = (0..<Inputs.rowCount * Inputs.rowLength).map { _ in 0.02 * normal() }
        importance = (0..<Inputs.rowLength).map { _ in
            let activation = normal()
            return activation * activation + 0.01
        }
    }
}

/// The median of the nanoseconds per element of repeated runs, about 0.2 s in all.
private func measure(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    var times: [Double] = []
    let start = clock.now
    body()
    while times.count < 3 || clock.now - start < .milliseconds(200), times.count < 2000 {
        let begin = clock.now
        body()
        times.append((clock.now - begin) / .nanoseconds(1))
    }
    times.sort()
    return times[times.count / 2] / Double(Inputs.rowCount * Inputs.rowLength)
}

private func text(_ value: Double?) -> String {
    guard let value else { return "–" }
    let scaled = Int((value * 100).rounded())
    return "\(scaled / 100)." + (scaled % 100 < 10 ? "0" : "") + "\(scaled % 100)"
}

/// The table of speeds.
enum Speed {
    /// Prints it for the formats named, or for all.
    static func printTable(of names: [String]) {
        let inputs = Inputs()
        let wanted = Set(names.map { $0.lowercased() })
        print(
            "| format | direction | importance | " + sets.map { "\($0)" }.joined(separator: " | ")
                + " |")
        print("|---|---|---|" + String(repeating: "---|", count: sets.count))
        for format in Format.all where wanted.isEmpty || wanted.contains(format.name.lowercased()) {
            guard let encode = format.encode, let decode = format.decode,
                let byteCount = format.byteCount(
                    rowLength: Inputs.rowLength, rowCount: Inputs.rowCount)
            else { continue }
            let blocks = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
            let values = UnsafeMutablePointer<Float>.allocate(
                capacity: Inputs.rowCount * Inputs.rowLength)
            defer {
                blocks.deallocate()
                values.deallocate()
            }
            for isWeighted in format.importance == .required ? [true] : [false, true] {
                line(format, "encode", isWeighted ? "yes" : "no") {
                    inputs.rows.withUnsafeBufferPointer { rows in
                        inputs.importance.withUnsafeBufferPointer { importance in
                            guard let rows = rows.baseAddress else { return }
                            encode(
                                rows, Inputs.rowCount, Inputs.rowLength,
                                isWeighted ? importance.baseAddress : nil, blocks)
                        }
                    }
                }
            }
            line(format, "decode", "") {
                decode(blocks, Inputs.rowCount * Inputs.rowLength, values)
            }
        }
    }

    private static let sets = InstructionSet.supported

    private static func line(
        _ format: Format, _ direction: String, _ importance: String, _ body: () -> Void
    ) {
        let times = sets.map { set in
            text(InstructionSet.$current.withValue(set) { measure(body) })
        }
        print(
            "| \(format.name) | \(direction) | \(importance) | \(times.joined(separator: " | ")) |")
    }
}
