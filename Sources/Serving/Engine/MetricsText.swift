import Foundation

/// Prometheus' text format 0.0.4.
struct MetricsText {
    private(set) var text = ""
    private let model: String

    init(model: String) { self.model = model }

    mutating func header(_ name: String, _ type: String, _ help: String) {
        text += "# HELP ingot_\(name) \(help)\n# TYPE ingot_\(name) \(type)\n"
    }

    /// A line with the model's label and others.
    mutating func sample(_ name: String, _ value: Double, _ labels: [(String, String)] = []) {
        let all = ([("model", model)] + labels).map { "\($0.0)=\"\(Self.escaped($0.1))\"" }
        text += "ingot_\(name){\(all.joined(separator: ","))} \(Self.number(value))\n"
    }

    mutating func counter(_ name: String, _ help: String, _ value: Int) {
        header(name, "counter", help)
        sample(name, Double(value))
    }

    mutating func gauge(_ name: String, _ help: String, _ value: Double) {
        header(name, "gauge", help)
        sample(name, value)
    }

    mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        header(name, "histogram", help)
        var total = 0
        for (index, count) in histogram.counts.enumerated() {
            total += count
            let edge =
                histogram.edges.indices.contains(index)
                ? Self.number(histogram.edges[index]) : "+Inf"
            sample(name + "_bucket", Double(total), [("le", edge)])
        }
        sample(name + "_sum", histogram.sum)
        sample(name + "_count", Double(total))
    }

    /// What Prometheus' own clients tell of the process.
    ///
    /// - Parameter start: When it began, in seconds since 1970.
    mutating func process(start: Double) {
        plain("process_start_time_seconds", "gauge", "Since 1970.", start)
        var usage = rusage()
        #if canImport(Glibc)
            let result = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        #else
            let result = getrusage(RUSAGE_SELF, &usage)
        #endif
        if result == 0 {
            let seconds =
                Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
                + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6
            plain("process_cpu_seconds_total", "counter", "CPU time.", seconds)
        }
        guard let status = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
            return
        }
        let pages = status.split(separator: " ").compactMap { Double($0) }
        let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))
        if pages.count > 1 {
            plain(
                "process_virtual_memory_bytes", "gauge", "Virtual memory.", pages[0] * pageSize)
            plain("process_resident_memory_bytes", "gauge", "Memory in use.", pages[1] * pageSize)
        }
        if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            plain("process_open_fds", "gauge", "Open files.", Double(files.count))
        }
        if let limit = openFileLimit() {
            plain("process_max_fds", "gauge", "The most open files.", limit)
        }
    }

    private func openFileLimit() -> Double? {
        var limits = rlimit()
        #if canImport(Glibc)
            let result = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        #else
            let result = getrlimit(RLIMIT_NOFILE, &limits)
        #endif
        return result == 0 ? Double(limits.rlim_cur) : nil
    }

    private mutating func plain(_ name: String, _ type: String, _ help: String, _ value: Double) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(name) \(Self.number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "\\", with: "\\\\")
            .replacingOccurrences(of: "\"", with: "\\\"").replacingOccurrences(
                of: "\n", with: "\\n")
    }
}
