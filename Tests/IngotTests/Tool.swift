import Foundation
import TestSupport

/// Runs the built binary as a user would.
struct Tool {
    /// What a run printed and how it ended.
    struct Outcome {
        let output: String
        let errors: String
        let exitCode: Int32
    }

    /// The binary lies beside the test bundle.
    static let path: String = {
        let bundle = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        for folder in [bundle, bundle.deletingLastPathComponent()] {
            let candidate = folder.appending(path: "ingot").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
        }
        return Fixtures.projectRoot.appending(path: ".build/release/ingot").path
    }()

    /// Whether the binary's own code is optimized; that of the tests never is.
    static let isOptimized = path.contains("/release/")

    /// Runs a shell script in which `$INGOT` is the tool and `$1`, `$2`, … are `arguments`.
    static func shell(_ script: String, _ arguments: [String]) throws -> Outcome {
        try run(
            ["-c", script, "sh"] + arguments, calledAs: "/bin/sh", environment: ["INGOT": path])
    }

    /// Runs the tool with `arguments`; `name` is what it is called by, `environment` what is set
    /// besides this process's own.
    static func run(
        _ arguments: [String], calledAs name: String? = nil, in folder: String? = nil,
        environment: [String: String] = [:]
    ) throws -> Outcome {
        let process = Process()
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.executableURL = URL(filePath: name ?? path)
        process.arguments = arguments
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        // Standard error first would block once standard output fills its pipe; both are small
        // here, but a thread each is the way that never blocks.
        nonisolated(unsafe) var errorBytes = Data()
        let reader = DispatchWorkItem {
            errorBytes = errors.fileHandleForReading.readDataToEndOfFile()
        }
        DispatchQueue.global().async(execute: reader)
        let outputBytes = output.fileHandleForReading.readDataToEndOfFile()
        reader.wait()
        process.waitUntilExit()
        return Outcome(
            output: String(decoding: outputBytes, as: UTF8.self),
            errors: String(decoding: errorBytes, as: UTF8.self),
            exitCode: process.terminationStatus)
    }
}
