// What libFuzzer calls. `scripts/fuzz` compiles it in; for the tests the targets alone are built.
#if FUZZING
    import Foundation

    private let name = ProcessInfo.processInfo.environment["INGOT_FUZZ_TARGET"] ?? ""
    private let target = FuzzTarget.all.first { $0.name == name }
    private let scratch = try? FuzzScratch()

    /// One input of libFuzzer's.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
        guard let target, let scratch else {
            fatalError("INGOT_FUZZ_TARGET is \(name), expected a target, and a temporary folder")
        }
        do {
            try target.run(Array(UnsafeBufferPointer(start: data, count: count)), scratch: scratch)
        } catch {
            fatalError("\(type(of: error)): \(error)")
        }
        return 0
    }
#endif
