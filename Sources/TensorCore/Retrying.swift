#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Makes a system call again as long as signals interrupt it.
///
/// Calls on disks are rarely interrupted, but those on network file systems are, and so is the
/// reserving of room.
///
/// - Parameter call: Returns -1 where it fails, with the reason in `errno`.
package func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        guard result == -1, errno == EINTR else { return result }
    }
}
