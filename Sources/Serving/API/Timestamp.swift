import Foundation

/// Times as Ollama's API writes them.
enum Timestamp {
    /// The time that it is, to the nanosecond.
    static var now: String {
        let (seconds, nanoseconds) = wallClock()
        return text(seconds: seconds, nanoseconds: nanoseconds)
    }

    static func text(seconds: Int, nanoseconds: Int = 0) -> String {
        var seconds = seconds
        var fields = unsafe tm()
        unsafe gmtime_r(&seconds, &fields)
        func padded(_ value: Int, _ count: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, count - digits.count)) + digits
        }
        let date = unsafe [Int(fields.tm_year) + 1900, Int(fields.tm_mon) + 1, Int(fields.tm_mday)]
        let time = unsafe [fields.tm_hour, fields.tm_min, fields.tm_sec].map { padded(Int($0), 2) }
        return "\(padded(date[0], 4))-\(padded(date[1], 2))-\(padded(date[2], 2))"
            + "T\(time.joined(separator: ":")).\(padded(nanoseconds, 9))Z"
    }
}
