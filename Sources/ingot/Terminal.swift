import Reporting
import Synchronization
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the tool says: results on standard output, everything else on standard error.
enum Terminal {
    /// Whether standard error is a terminal, where a line may be drawn over.
    static let isInteractive = isatty(STDERR_FILENO) == 1

    /// Writes a line of results.
    static func print(_ line: String) { Swift.print(line) }

    /// Writes lines of results.
    static func print(lines: [String]) {
        for line in lines { print(line) }
    }

    /// Writes results as one JSON value or as lines, whichever is asked for.
    static func show(
        _ value: some Encodable, asJSON: Bool, lines: @autoclosure () -> [String]
    ) throws {
        print(asJSON ? try ReadableJSON.text(of: value) : lines().joined(separator: "\n"))
    }

    /// Writes a part of a line of results, which appears at once.
    static func stream(_ text: String) {
        Swift.print(text, terminator: "")
        flush()
    }

    /// Writes a line to standard error.
    static func note(_ line: String) {
        write(line + "\n")
    }

    /// Writes a warning to standard error, unless it stands there already.
    static func warning(_ text: String) {
        guard warnings.withLock({ $0.insert(text).inserted }) else { return }
        note("warning: \(oneLine(text))")
    }
    private static let warnings = Mutex<Set<String>>([])

    /// Writes warnings to standard error, those that do not stand there already.
    static func warnings(_ all: some Sequence<some CustomStringConvertible>) {
        for one in all { warning(one.description) }
    }

    /// Writes an error to standard error.
    static func error(_ text: String) { note("error: \(oneLine(text))") }

    /// A text with its control characters escaped: names in files and of files may have any, which
    /// would end a line or steer a terminal.
    static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if isControl(scalar) {
                shown.append(contentsOf: scalar.escaped(asASCII: true).unicodeScalars)
            } else {
                shown.append(scalar)
            }
        }
        return String(shown)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control || (0x2028...0x202E).contains(scalar.value)
    }

    /// Writes out what standard output still holds.
    static func flush() { fflush(nil) }

    /// Throws when results could not be written, unless their reader went away.
    static func checkResults() throws {
        errno = 0
        guard fflush(nil) != 0, errno != EPIPE else { return }
        throw FileError(
            .system(
                operation: "writing", errno: errno, message: String(cString: strerror(errno))),
            path: "standard output")
    }

    /// The width of the terminal, 80 when unknown.
    static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes text to standard error as it is.
    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write_(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// The system's `write`, whose name `Terminal.write` hides.
private func write_(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

/// A bar on a terminal, a line every ten per cent otherwise.
final class ProgressLine: Sendable {
    private struct State {
        var lastDrawn: Double = -1
        var lastTenth = -1
        var finished = false
    }
    private let label: String
    private let isQuiet: Bool
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    init(_ label: String, isQuiet: Bool = false) {
        self.label = label
        self.isQuiet = isQuiet
        // The first batch may take minutes.
        if Terminal.isInteractive, !isQuiet {
            state.withLock { $0.lastDrawn = 0 }
            draw("\(label) …")
        }
    }

    /// Shows that `done` of `total` units are done; `detail` says more.
    func update(_ done: Int, of total: Int, detail: String = "") {
        guard !isQuiet, total > 0 else { return }
        state.withLock { state in
            guard !state.finished else { return }
            let share = Double(done) / Double(total)
            let elapsed = start.secondsAgo
            if Terminal.isInteractive {
                guard elapsed - state.lastDrawn > 0.1 || done == total else { return }
                state.lastDrawn = elapsed
                let left = share > 0 ? elapsed * (1 - share) / share : 0
                let tail =
                    " \(Int(share * 100)) %  \(detail)"
                    + (done < total && elapsed > 1 ? "  \(NumberFormat.duration(left)) left" : "")
                let width = max(10, min(40, Terminal.columns - label.count - tail.count - 5))
                let filled = Int(share * Double(width))
                let bar =
                    String(repeating: "█", count: filled)
                    + String(repeating: "░", count: width - filled)
                draw("\r\u{1B}[K\(label) \(bar)\(tail)")
            } else {
                let tenth = Int(share * 10)
                guard tenth > state.lastTenth else { return }
                state.lastTenth = tenth
                Terminal.note("\(label): \(Int(share * 100)) % \(detail)")
            }
        }
    }

    /// Removes the bar.
    func finish() {
        state.withLock { state in
            guard !state.finished else { return }
            state.finished = true
            if Terminal.isInteractive, !isQuiet, state.lastDrawn >= 0 { draw("\r\u{1B}[K") }
        }
    }

    private func draw(_ text: String) {
        Terminal.write(text)
    }
}
