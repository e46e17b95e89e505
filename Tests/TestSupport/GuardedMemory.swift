#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Room for numbers at the edge of a page that nobody may touch: a kernel that reads or writes one byte too many ends
/// the test at once.
public final class GuardedMemory<Element: BitwiseCopyable> {
    /// Where the guarded page lies.
    public enum Edge: CaseIterable, Sendable {
        /// Right behind the last number.
        case behind
        /// Right before the first number.
        case before
    }

    private let whole: UnsafeMutableRawPointer
    private let byteCount: Int
    /// The first number.
    public let base: UnsafeMutablePointer<Element>
    /// How many there are.
    public let count: Int

    /// Room for `count` numbers of any content.
    public init(count: Int, edge: Edge) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let bytes = count * MemoryLayout<Element>.stride
        let inner = max(1, (bytes + page - 1) / page) * page
        byteCount = inner + 2 * page
        guard
            let memory = mmap(
                nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0),
            memory != MAP_FAILED
        else { fatalError("no memory for a test") }
        whole = memory
        guard mprotect(memory, page, PROT_NONE) == 0,
            mprotect(memory + page + inner, page, PROT_NONE) == 0
        else { fatalError("a page cannot be guarded") }
        let start = edge == .before ? memory + page : memory + page + inner - bytes
        base = start.bindMemory(to: Element.self, capacity: count)
        self.count = count
    }

    /// Room that holds `values`.
    public convenience init(_ values: [Element], edge: Edge) {
        self.init(count: values.count, edge: edge)
        for (index, value) in values.enumerated() { base[index] = value }
    }

    deinit { munmap(whole, byteCount) }

    /// The numbers.
    public var values: [Element] { (0..<count).map { base[$0] } }
}
