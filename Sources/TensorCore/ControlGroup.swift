/// What the control groups of Linux, of version 1 or 2, leave a process: containers are made of them.
///
/// A group has no more than the groups around it, as far as they can be seen from inside.
public struct ControlGroup: Sendable, Hashable {
    /// How many processors' time may be used; `nil` without a limit.
    public let processorQuota: Double?
    /// The most memory that the group's processes may hold in bytes; `nil` without a limit.
    public let memoryLimit: Int?
    /// The memory of the group that cannot be taken back (not that of the file cache), in bytes.
    public let heldMemory: Int

    /// The group of this process.
    public static var current: ControlGroup { ControlGroup(process: "/proc/self") }

    /// Reads what `cgroup` and `mountinfo` in the folder `process` lead to; what cannot be read is no
    /// limit.
    ///
    /// See <https://docs.kernel.org/admin-guide/cgroup-v2.html>.
    public init(process: String) {
        let mounts = ControlGroup.lines(process + "/mountinfo").compactMap(Mount.init)
        var quota: Double?
        var limit: Int?
        var held = 0
        for line in ControlGroup.lines(process + "/cgroup") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let controllers = parts[1].split(separator: ",").map(String.init)
            for mount in mounts where mount.holds(controllers) {
                for folder in mount.folders(to: String(parts[2])) {
                    if controllers.isEmpty || controllers.contains("cpu") {
                        quota = ControlGroup.least(quota, ControlGroup.quota(in: folder))
                    }
                    guard controllers.isEmpty || controllers.contains("memory") else { continue }
                    guard let own = ControlGroup.memory(in: folder), own < limit ?? Int.max else {
                        continue
                    }
                    limit = own
                    held = ControlGroup.held(in: folder)
                }
            }
        }
        processorQuota = quota
        memoryLimit = limit
        heldMemory = held
    }

    /// Where groups are seen as files.
    private struct Mount {
        /// The group that is seen at the mount point, and the mount point.
        let root, point: String
        /// The controllers; none for version 2.
        let controllers: [String]

        /// Reads a line of `mountinfo`; `nil` for another file system.
        init?(_ line: String) {
            let halves = line.components(" - ")
            guard halves.count == 2 else { return nil }
            let place = halves[0].split(separator: " ").map(String.init)
            let kind = halves[1].split(separator: " ").map(String.init)
            guard place.count > 4, kind.count > 2, ["cgroup", "cgroup2"].contains(kind[0]) else {
                return nil
            }
            root = place[3]
            point = place[4]
            controllers = kind[0] == "cgroup2" ? [] : kind[2].split(separator: ",").map(String.init)
        }

        func holds(_ wanted: [String]) -> Bool {
            wanted.isEmpty ? controllers.isEmpty : wanted.contains(where: controllers.contains)
        }

        /// The folders of a group and of those around it, the outermost last.
        ///
        /// In a container a group may be called as it is outside; the mount point is its own then.
        func folders(to group: String) -> [String] {
            var path = group
            if root != "/", path == root || path.hasPrefix(root + "/") {
                path.removeFirst(root.count)
            }
            if path.hasPrefix("/..") { path = "" }
            var folders: [String] = []
            while let slash = path.lastIndex(of: "/") {
                if path != "/" { folders.append(point + path) }
                path = String(path[..<slash])
            }
            return folders + [point]
        }
    }

    /// The processors that a group of either version may use.
    private static func quota(in folder: String) -> Double? {
        let words = lines(folder + "/cpu.max").first?.split(separator: " ") ?? []
        let quota =
            words.first.flatMap { Double($0) } ?? number(folder + "/cpu.cfs_quota_us")
        let period =
            words.dropFirst().first.flatMap { Double($0) } ?? number(folder + "/cpu.cfs_period_us")
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return quota / period
    }

    private static func memory(in folder: String) -> Int? {
        let found = ["memory.max", "memory.high", "memory.limit_in_bytes"].compactMap {
            number("\(folder)/\($0)").flatMap { Int(exactly: $0) }
        }
        // Version 1 says no limit by the largest number of whole pages.
        return found.filter { $0 < Int.max - (1 << 20) }.min()
    }

    private static func held(in folder: String) -> Int {
        for line in lines(folder + "/memory.stat") {
            let words = line.split(separator: " ")
            if words.count == 2, ["anon", "total_rss"].contains(words[0]) {
                return Int(words[1]) ?? 0
            }
        }
        return 0
    }

    private static func least(_ a: Double?, _ b: Double?) -> Double? {
        guard let a, let b else { return a ?? b }
        return min(a, b)
    }

    private static func number(_ path: String) -> Double? {
        lines(path).first.flatMap { Double($0) }
    }

    /// The lines of a file of the kernel's, which have no length; none when it cannot be read.
    static func lines(_ path: String) -> [String] {
        guard let file = try? SequentialInput(path: path) else { return [] }
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe (try? file.read(into: $0)) ?? 0 }
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
            .map(String.init)
    }
}

extension String {
    /// The parts between occurrences of `separator`.
    fileprivate func components(_ separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
