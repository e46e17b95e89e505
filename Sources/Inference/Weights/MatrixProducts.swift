import Quantization
import TensorCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where a decoder's products of matrices in F32 come from.
package enum ProductSource: Sendable {
    /// From the system's library: their last bits depend on the processor that it finds.
    case library
    /// From `OrderedProduct`: with them everything that a decoder gives has the same bits on every
    /// instruction set and every number of threads.
    case ordered
}

/// Products of matrices stored row after row, in F32, on the calling thread.
///
/// They come from OpenBLAS (on macOS, without it, from Accelerate), which is loaded for the first
/// decoder and not with the program: it starts its threads when it is loaded, and they would take
/// time from conversions and quantizations, which have no use for it (docs/decisions/0005-blas-at-run-time.md).
///
/// The decoder's own workers share the work, each with its own tokens, so OpenBLAS must not start
/// threads of its own: with one thread to a call there is no waiting inside a layer.
struct MatrixProducts: Sendable {
    private typealias Matrices =
        @convention(c) (
            UInt32, UInt32, UInt32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
            UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
        ) -> Void

    private enum Source {
        // With `cblas.h`'s enumerations as the integers that they are.
        case library(Matrices)
        case ordered(OrderedProduct.Multiplier)
    }

    private let source: Source

    private init?(library name: String) {
        guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL),
            let sgemm = dlsym(library, "cblas_sgemm")
        else { return nil }
        source = .library(unsafeBitCast(sgemm, to: Matrices.self))
    }

    private init(ordered: OrderedProduct.Multiplier) { source = .ordered(ordered) }

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

    private static let loaded: MatrixProducts? = {
        // Read by OpenBLAS when it is loaded.
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
        return libraries.lazy.compactMap { MatrixProducts(library: $0) }.first
    }()

    /// Loads the library, once for the process, where it is asked for.
    ///
    /// - Throws: `InferenceError` when the system has none.
    static func load(_ source: ProductSource) throws(InferenceError) -> MatrixProducts {
        switch source {
        case .ordered: return MatrixProducts(ordered: OrderedProduct.Multiplier())
        case .library:
            if let loaded {
                try checkAddressSpace()
                return loaded
            }
            throw InferenceError(.noMatrixProducts(tried: libraries), path: nil)
        }
    }

    /// OpenBLAS reserves so much for each thread that calls it, and where it gets nothing it tries for
    /// ever.
    private static let reservedByteCount = 136 << 20

    private static func checkAddressSpace() throws(InferenceError) {
        guard let space = ProcessLimits.addressSpace else { return }
        let needed = ProcessLimits.processorCount * reservedByteCount
        guard needed > space.left else { return }
        throw InferenceError(
            .addressSpace(needed: needed, left: space.left, limit: space.name), path: nil)
    }

    /// `c = scale · a bᵀ + keep · c` for `a` of `rows × inner`, `b` of `columns × inner`.
    ///
    /// - Parameters:
    ///   - strides: The floats from row to row of `a`, `b` and `c`.
    ///   - keep: 0 to overwrite `c`, 1 to add to it.
    @inline(__always)
    func timesTransposed(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int, strides: (a: Int, b: Int, c: Int),
        scale: Float = 1, keep: Float = 0
    ) {
        switch source {
        case .library(let sgemm):
            sgemm(
                Layout.rowMajor, Layout.asStored, Layout.transposed, Int32(rows), Int32(columns),
                Int32(inner), scale, a, Int32(strides.a), b, Int32(strides.b), keep, c,
                Int32(strides.c))
        case .ordered(let multiplier):
            multiplier.multiply(
                MatrixView(a, rows: rows, columns: inner, stride: strides.a),
                MatrixView(b, rows: columns, columns: inner, stride: strides.b).transposed,
                into: MutableMatrixView(c, rows: rows, columns: columns, stride: strides.c),
                scale: scale, keep: keep != 0)
        }
    }

    /// `c = a b` for `a` of `rows × inner`, `b` of `inner × columns`.
    @inline(__always)
    func times(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int, strides: (a: Int, b: Int, c: Int)
    ) {
        switch source {
        case .library(let sgemm):
            sgemm(
                Layout.rowMajor, Layout.asStored, Layout.asStored, Int32(rows), Int32(columns),
                Int32(inner), 1, a, Int32(strides.a), b, Int32(strides.b), 0, c, Int32(strides.c))
        case .ordered(let multiplier):
            multiplier.multiply(
                MatrixView(a, rows: rows, columns: inner, stride: strides.a),
                MatrixView(b, rows: inner, columns: columns, stride: strides.b),
                into: MutableMatrixView(c, rows: rows, columns: columns, stride: strides.c))
        }
    }
}
