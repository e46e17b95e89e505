#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Products of matrices stored row after row, in F32, on the calling thread.
///
/// They come from OpenBLAS (on macOS, without it, from Accelerate), which is loaded for the first
/// decoder and not with the program: it starts its threads when it is loaded, and they would take
/// time from conversions and quantizations, which have no use for it (docs/decisions/0005-blas-at-run-time.md).
///
/// The decoder's own workers share the work, each with its own tokens, so OpenBLAS must not start
/// threads of its own: with one thread to a call there is no waiting inside a layer.
enum MatrixProduct {
    /// `cblas_sgemm`, with the enumerations as the integers that they are.
    private typealias Function =
        @convention(c) (
            UInt32, UInt32, UInt32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
            UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
        ) -> Void

    /// The constants of `cblas.h`.
    private enum Layout {
        static let rowMajor: UInt32 = 101
        static let asStored: UInt32 = 111
        static let transposed: UInt32 = 112
    }

    #if canImport(Darwin)
        private static let libraries = [
            "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
            "/usr/local/opt/openblas/lib/libopenblas.dylib",
            "/System/Library/Frameworks/Accelerate.framework/Accelerate",
        ]
    #else
        private static let libraries = ["libopenblas.so.0", "libopenblas.so"]
    #endif

    /// `cblas_sgemv`.
    private typealias VectorFunction =
        @convention(c) (
            UInt32, UInt32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
            UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
        ) -> Void

    private static let functions: (product: Function, vector: VectorFunction)? = {
        // Read by OpenBLAS when it is loaded.
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
        for name in libraries {
            guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL),
                let product = dlsym(library, "cblas_sgemm"),
                let vector = dlsym(library, "cblas_sgemv")
            else { continue }
            return (
                unsafeBitCast(product, to: Function.self),
                unsafeBitCast(vector, to: VectorFunction.self)
            )
        }
        return nil
    }()
    private static let function = functions?.product

    /// Loads the library, once for the process.
    ///
    /// - Throws: `InferenceError` when the system has none.
    static func load() throws(InferenceError) {
        guard function == nil else { return }
        throw InferenceError(.noMatrixProducts(tried: libraries), path: nil)
    }

    /// `c = scale · a bᵀ + keep · c` for `a` of `rows × inner`, `b` of `columns × inner`.
    ///
    /// - Parameters:
    ///   - strides: The floats from row to row of `a`, `b` and `c`.
    ///   - keep: 0 to overwrite `c`, 1 to add to it.
    @inline(__always)
    static func timesTransposed(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int, strides: (a: Int, b: Int, c: Int),
        scale: Float = 1, keep: Float = 0
    ) {
        guard let function else { preconditionFailure("a decoder loads the library") }
        function(
            Layout.rowMajor, Layout.asStored, Layout.transposed, Int32(rows), Int32(columns),
            Int32(inner), scale, a, Int32(strides.a), b, Int32(strides.b), keep, c,
            Int32(strides.c))
    }

    /// `y = a x + keep · y` for `a` of `rows × columns`, without a stride.
    static func timesVector(
        _ a: UnsafePointer<Float>, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, keep: Float
    ) {
        guard let function = functions?.vector else {
            preconditionFailure("a decoder loads the library")
        }
        function(
            Layout.rowMajor, Layout.asStored, Int32(rows), Int32(columns), 1, a, Int32(columns), x,
            1, keep, y, 1)
    }

    /// `c = a b` for `a` of `rows × inner`, `b` of `inner × columns`.
    @inline(__always)
    static func times(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int, strides: (a: Int, b: Int, c: Int)
    ) {
        guard let function else { preconditionFailure("a decoder loads the library") }
        function(
            Layout.rowMajor, Layout.asStored, Layout.asStored, Int32(rows), Int32(columns),
            Int32(inner), 1, a, Int32(strides.a), b, Int32(strides.b), 0, c, Int32(strides.c))
    }
}
