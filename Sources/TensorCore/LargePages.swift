#if canImport(Glibc)
    import Glibc
#endif

/// Large pages for memory that is read from end to end again and again.
///
/// With the usual pages of 4 KiB a processor looks up where each of them lies, which takes longer on
/// a virtual machine; a page of 2 MiB is looked up once for five hundred of those.
public enum LargePages {
    /// The length of a large page in bytes.
    public static let byteCount = 2 << 20

    /// Asks the system to use large pages for memory that was not written yet; without effect where
    /// it has none, or none left.
    ///
    /// - Parameter memory: Aligned to `byteCount`, otherwise nothing is asked for.
    public static func advise(_ memory: UnsafeMutableRawPointer, byteCount length: Int) {
        #if canImport(Glibc)
            guard length >= byteCount, UInt(bitPattern: memory) % UInt(byteCount) == 0 else {
                return
            }
            _ = unsafe madvise(memory, length, MADV_HUGEPAGE)
        #endif
    }
}
