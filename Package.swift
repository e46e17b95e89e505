// swift-tools-version: 6.2
import PackageDescription

// The house is drawn in docs/architecture.md: an import may only go to a lower layer, and
// `scripts/check` compares every `import` with the dependencies declared here.

let strict: [SwiftSetting] =
    [
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("ExistentialAny"),
    ]
    // `scripts/check` builds with this; users' newer compilers may know warnings that we do not.
    + (Context.environment["INGOT_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// Where bytes of strangers are read, what the compiler cannot check is marked `unsafe`; most of these targets have no such
/// place at all (docs/decisions/0054-unsafe-code-is-marked.md).
let checked: [SwiftSetting] = strict + [.strictMemorySafety()]

/// Tests call optimized code; optimizing the calls themselves would take a fifth of a build.
let tests: [SwiftSetting] = strict + [.unsafeFlags(["-Onone"], .when(configuration: .release))]

let package = Package(
    name: "ingot",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "ingot", targets: ["ingot"]),
        .library(
            name: "Ingot",
            targets: [
                "TensorCore", "Quantization", "Safetensors", "Templates", "Tokenization",
                "Zstandard", "GGUF", "Architectures", "Conversion", "Pipeline", "Inference",
                "Evaluation", "Calibration", "Reporting", "Allocation", "Checkpoints", "Grammars",
                "Modelfiles", "Planning", "Serving", "ServingHTTP", "Deployment", "HTTPRequests",
                "HTTPNetworking", "Clusters", "LoadTesting", "Parts", "Watching",
            ]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // Parts of Hummingbird's interface.
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.0.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Layer 0: C
        .target(name: "CKernels"),
        .target(name: "CPlatform"),
        // The built-in calibration texts as bytes of the program.
        .target(name: "CCalibrationMix", exclude: ["NOTE.md", "mix.jsonl.zst"]),
        .systemLibrary(
            name: "CZstd", pkgConfig: "libzstd",
            providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
        // Layer 1
        .target(name: "TensorCore", dependencies: ["CPlatform"], swiftSettings: checked),
        // Layer 2
        .target(
            name: "Quantization", dependencies: ["TensorCore", "CKernels"], swiftSettings: strict),
        .target(name: "Safetensors", dependencies: ["TensorCore"], swiftSettings: checked),
        .target(name: "Grammars", dependencies: ["TensorCore"], swiftSettings: checked),
        .target(name: "HTTPRequests", dependencies: ["TensorCore"], swiftSettings: checked),
        .target(name: "Modelfiles", dependencies: ["TensorCore"], swiftSettings: checked),
        .target(
            name: "Parts",
            dependencies: ["TensorCore", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: checked),
        .target(name: "Templates", dependencies: ["TensorCore"], swiftSettings: checked),
        .target(name: "Tokenization", dependencies: ["TensorCore"], swiftSettings: checked),
        .target(
            name: "Zstandard", dependencies: ["TensorCore", "CZstd"], swiftSettings: checked),
        // Layer 3
        // AsyncHTTPClient is imported here alone.
        .target(
            name: "HTTPNetworking",
            dependencies: [
                "TensorCore", "HTTPRequests",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: checked),
        .target(
            name: "GGUF", dependencies: ["TensorCore", "Quantization"], swiftSettings: checked),
        // Layer 4
        .target(name: "Architectures", dependencies: ["TensorCore"], swiftSettings: checked),
        // Layer 5
        .target(
            name: "Conversion",
            dependencies: [
                "TensorCore", "Quantization", "Safetensors", "GGUF", "Architectures",
                "Tokenization",
            ],
            swiftSettings: strict),
        .target(
            name: "Pipeline",
            dependencies: [
                "TensorCore", "GGUF", "Quantization", "Parts",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: strict),
        .target(
            name: "Inference",
            dependencies: [
                "TensorCore", "GGUF", "Architectures", "Tokenization", "Quantization",
                "CKernels",
            ],
            swiftSettings: strict),
        // Layer 6
        .target(
            name: "Evaluation",
            dependencies: [
                "TensorCore", "Grammars", "Inference", "GGUF", "Quantization", "Templates",
                "Tokenization", "Zstandard",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: strict),
        .target(
            name: "Calibration",
            dependencies: [
                "TensorCore", "Inference", "GGUF", "Architectures", "Quantization", "Pipeline",
                "Parts", "Templates", "Tokenization", "Zstandard", "CCalibrationMix",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: strict),
        .target(
            name: "Planning",
            dependencies: [
                "TensorCore", "Quantization", "GGUF", "Architectures", "Conversion", "Pipeline",
            ],
            swiftSettings: checked),
        // Layer 7
        .target(
            name: "Reporting",
            dependencies: [
                "TensorCore", "Quantization", "Tokenization", "GGUF", "Architectures", "Conversion",
                "Pipeline", "Planning", "Inference", "Evaluation",
            ],
            swiftSettings: checked),
        .target(
            name: "Allocation",
            dependencies: [
                "TensorCore", "Quantization", "GGUF", "Pipeline", "Inference", "Evaluation",
                "Calibration",
            ],
            swiftSettings: strict),
        .target(
            name: "Checkpoints",
            dependencies: [
                "TensorCore", "Quantization", "Safetensors", "GGUF", "Architectures", "Conversion",
                "Pipeline", "Inference", "Calibration", "Planning",
            ],
            swiftSettings: strict),
        .target(
            name: "Serving",
            dependencies: [
                "TensorCore", "Quantization", "GGUF", "Architectures", "Inference", "Evaluation",
                "Grammars", "Modelfiles", "Templates", "Tokenization",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: checked),
        // Layer 8
        .target(
            name: "Deployment",
            dependencies: [
                "TensorCore", "Safetensors", "GGUF", "Conversion", "Modelfiles", "Pipeline",
                "Quantization", "Evaluation", "Planning", "Reporting", "Checkpoints", "Templates",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: checked),
        // Hummingbird is imported here alone.
        .target(
            name: "ServingHTTP",
            dependencies: [
                "TensorCore", "Serving",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: checked),
        .target(
            name: "LoadTesting",
            dependencies: [
                "TensorCore", "HTTPRequests", "Reporting",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: checked),
        .target(
            name: "Watching", dependencies: ["TensorCore", "HTTPRequests", "Reporting"],
            swiftSettings: checked),
        // Layer 9
        // Yams is imported here alone.
        .target(
            name: "Clusters",
            dependencies: [
                "TensorCore", "Quantization", "GGUF", "Architectures", "Conversion", "Pipeline",
                "Planning", "Reporting", "Deployment", "Parts", "Calibration", "Inference",
                .product(name: "Yams", package: "Yams"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: checked),
        // Layer 10
        .executableTarget(
            name: "ingot",
            dependencies: [
                "TensorCore", "Quantization", "Safetensors", "Templates", "Tokenization", "GGUF",
                "Architectures", "Conversion", "Pipeline", "Inference", "Evaluation", "Calibration",
                "Reporting", "Allocation", "Checkpoints", "Grammars", "Modelfiles", "Planning",
                "Serving", "ServingHTTP", "Deployment", "HTTPRequests", "HTTPNetworking",
                "LoadTesting", "Watching", "Clusters", "Parts",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: strict),

        // Benchmarks
        .executableTarget(
            name: "QuantizationBenchmark", dependencies: ["Quantization", "GGUF", "TensorCore"],
            path: "Benchmarks/QuantizationBenchmark", swiftSettings: strict),
        .executableTarget(
            name: "TemplateRunner", dependencies: ["Templates", "TensorCore"],
            path: "Benchmarks/TemplateRunner", swiftSettings: strict),

        // Tests
        .target(
            name: "TestSupport",
            dependencies: [
                "TensorCore", "GGUF", "Quantization",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            path: "Tests/TestSupport", swiftSettings: strict),
        // Readers of untrusted bytes as fuzzers drive them (scripts/fuzz).
        .target(
            name: "Fuzzing",
            dependencies: [
                "TensorCore", "Safetensors", "Grammars", "Modelfiles", "Templates", "Tokenization",
                "Zstandard", "GGUF", "Architectures", "Conversion", "Inference", "Evaluation",
                "Serving", "LoadTesting", "Planning", "Watching", "Parts", "Clusters",
                "Calibration", "TestSupport",
            ],
            path: "Tests/Fuzzing", swiftSettings: strict),
        .testTarget(
            name: "FuzzingTests", dependencies: ["Fuzzing", "TestSupport"], swiftSettings: tests),
        .testTarget(
            name: "TensorCoreTests", dependencies: ["TensorCore", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "QuantizationTests",
            dependencies: ["Quantization", "TensorCore", "CKernels", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "SafetensorsTests", dependencies: ["Safetensors", "TensorCore", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "TemplatesTests", dependencies: ["Templates", "TensorCore", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "ZstandardTests", dependencies: ["Zstandard", "TensorCore", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "TokenizationTests",
            dependencies: ["Tokenization", "GGUF", "TensorCore", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "GGUFTests", dependencies: ["GGUF", "Quantization", "TensorCore", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "ArchitecturesTests",
            dependencies: ["Architectures", "TensorCore", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "ConversionTests",
            dependencies: [
                "Architectures", "Conversion", "Pipeline", "GGUF", "Quantization", "Safetensors",
                "TensorCore", "TestSupport",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "PipelineTests",
            dependencies: [
                "Pipeline", "Conversion", "GGUF", "Quantization", "TensorCore", "TestSupport",
                "Parts",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "InferenceTests",
            dependencies: [
                "Inference", "Architectures", "GGUF", "Quantization", "Tokenization",
                "TensorCore", "TestSupport",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "EvaluationTests",
            dependencies: [
                "Evaluation", "Inference", "Conversion", "GGUF", "Architectures", "Tokenization",
                "TensorCore", "TestSupport", "Zstandard",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "CalibrationTests",
            dependencies: [
                "Architectures", "Calibration", "Conversion", "Evaluation", "GGUF", "Inference",
                "Parts", "Pipeline", "Quantization", "Tokenization", "TensorCore", "TestSupport",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "ReportingTests",
            dependencies: ["Reporting", "Evaluation", "TensorCore", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "AllocationTests",
            dependencies: [
                "Allocation", "Calibration", "Conversion", "Evaluation", "GGUF", "Inference",
                "Pipeline", "Quantization", "Tokenization", "TensorCore", "TestSupport",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "GrammarsTests", dependencies: ["Grammars", "TensorCore"],
            swiftSettings: tests),
        .testTarget(
            name: "ModelfilesTests", dependencies: ["Modelfiles", "TensorCore"],
            swiftSettings: tests),
        .testTarget(
            name: "PartsTests", dependencies: ["Parts", "TensorCore", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "PlanningTests",
            dependencies: [
                "Planning", "Reporting", "Architectures", "Conversion", "GGUF", "Pipeline",
                "Quantization", "TensorCore", "TestSupport",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "CheckpointsTests",
            dependencies: [
                "Checkpoints", "Calibration", "Conversion", "GGUF", "Pipeline", "Planning",
                "Quantization", "Safetensors", "TensorCore", "TestSupport",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "ServingTests",
            dependencies: [
                "Serving", "ServingHTTP", "Architectures", "Conversion", "Evaluation", "GGUF",
                "Inference", "Modelfiles", "Quantization", "Templates", "Tokenization",
                "TensorCore", "TestSupport",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "DeploymentTests",
            dependencies: [
                "Deployment", "Modelfiles", "Serving", "GGUF", "Conversion", "Pipeline",
                "Quantization", "Evaluation", "Reporting", "Templates", "TensorCore",
                "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: tests),
        .testTarget(
            name: "LoadTestingTests",
            dependencies: [
                "LoadTesting", "HTTPRequests", "HTTPNetworking", "TensorCore", "TestSupport",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "WatchingTests",
            dependencies: [
                "Watching", "HTTPRequests", "HTTPNetworking", "TensorCore", "TestSupport",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "ClustersTests",
            dependencies: [
                "Clusters", "Parts", "Quantization", "TensorCore", "TestSupport",
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: tests),
        .testTarget(
            name: "IngotTests",
            dependencies: [
                "ingot", "TensorCore", "Quantization", "GGUF", "Safetensors", "TestSupport",
                "Zstandard",
            ],
            swiftSettings: tests),
    ]
)
