import CPlatform

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the system lets this process have.
public enum ProcessLimits {
    /// The number of processors that this process may use: those that it may run on, and no more than
    /// its control group's quota in whole ones.
    public static let processorCount: Int = {
        var count = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        #if canImport(Glibc)
            let own = Int(ingot_processor_count())
            if own > 0 { count = min(count, own) }
            if let quota = ControlGroup.current.processorQuota { count = min(count, Int(quota)) }
        #endif
        return max(1, count)
    }()

    /// A limit on memory, and how much of it is left.
    public struct Memory: Sendable, Hashable {
        /// What sets it, as people know it.
        public let name: String
        /// The limit in bytes.
        public let limit: Int
        /// What is left of it for this process now, in bytes.
        public let left: Int

        /// Describes a limit.
        public init(name: String, limit: Int, left: Int) {
            self.name = name
            self.limit = limit
            self.left = left
        }
    }

    /// The limit on memory of which least is left; `nil` where there is none.
    public static var memory: Memory? {
        #if canImport(Glibc)
            let group = ControlGroup.current
            guard let limit = group.memoryLimit else { return addressSpace }
            let own = Memory(
                name: "the control group (memory.max)", limit: limit,
                left: max(0, limit - group.heldMemory))
            return [own, addressSpace].compactMap(\.self).min { $0.left < $1.left }
        #else
            return addressSpace
        #endif
    }

    /// The limit on address space of which least is left, besides what the stacks of threads reserve;
    /// `nil` where there is none.
    public static var addressSpace: Memory? {
        var limits: [Memory] = []
        #if canImport(Glibc)
            // In pages: the whole, resident, shared, code, 0, data and stacks.
            let pages =
                ControlGroup.lines("/proc/self/statm").first?.split(separator: " ")
                .compactMap { Int($0) } ?? []
            let page = Int(sysconf(Int32(_SC_PAGESIZE)))
            for (kind, name, field) in [
                (RLIMIT_AS, "ulimit -v (RLIMIT_AS)", 0),
                (RLIMIT_DATA, "ulimit -d (RLIMIT_DATA)", 5),
            ] {
                var own = rlimit()
                guard unsafe getrlimit(__rlimit_resource_t(kind.rawValue), &own) == 0,
                    own.rlim_cur < rlim_t(Int.max)
                else { continue }
                let used = pages.count > field ? pages[field] * page : 0
                let stacks = (processorCount - 1) * stackByteCount
                limits.append(
                    Memory(
                        name: name, limit: Int(own.rlim_cur),
                        left: max(0, Int(own.rlim_cur) - used - stacks)))
            }
        #endif
        return limits.min { $0.left < $1.left }
    }

    /// Allows as many open files as the system lets this process ask for: models come in hundreds of
    /// files, and the usual limit is there for programs that use `select`.
    public static func raiseOpenFileLimit() {
        #if canImport(Glibc)
            let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var limit = rlimit()
            guard unsafe getrlimit(kind, &limit) == 0 else { return }
            limit.rlim_cur = limit.rlim_max
            _ = unsafe setrlimit(kind, &limit)
        #endif
    }

    /// What a thread's stack reserves.
    private static let stackByteCount = 8 << 20
}
