#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs recursive work on a thread with a large stack: callers may have half a megabyte.
enum DeepStack {
    /// Enough for the deepest that `TemplateLimits` allows by default, in a debug build.
    private static let byteCount = 256 << 20

    private final class Job {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Runs `body` while the caller waits.
    static func run<Result>(_ body: () throws -> Result) throws -> Result {
        try withoutActuallyEscaping(body) { body in
            var result: Swift.Result<Result, any Error>?
            let job = unsafe Unmanaged.passRetained(Job { result = Swift.Result(catching: body) })
            var attributes = pthread_attr_t()
            unsafe pthread_attr_init(&attributes)
            defer { unsafe pthread_attr_destroy(&attributes) }
            unsafe pthread_attr_setstacksize(&attributes, byteCount)
            #if canImport(Glibc)
                var thread = pthread_t()
                let code = unsafe pthread_create(&thread, &attributes, entry, job.toOpaque())
                if code == 0 { pthread_join(thread, nil) }
            #else
                var thread: pthread_t?
                let code = pthread_create(&thread, &attributes, entry, job.toOpaque())
                if code == 0, let thread { pthread_join(thread, nil) }
            #endif
            guard code == 0 else {
                unsafe job.release()
                throw TemplateError.limit("the system has no thread left for the template")
            }
            guard let result else { throw TemplateError.limit("the template did not run") }
            return try result.get()
        }
    }

    #if canImport(Glibc)
        private static let entry:
            @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
                if let job = unsafe $0 {
                    unsafe Unmanaged<Job>.fromOpaque(job).takeRetainedValue().body()
                }
                return nil
            }
    #else
        private static let entry:
            @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = {
                Unmanaged<Job>.fromOpaque($0).takeRetainedValue().body()
                return nil
            }
    #endif
}
