import ArgumentParser
import Reporting
import TensorCore

/// Where a report goes, and what becomes of its gates.
struct ReportGiving {
    /// The folder, made when need be.
    let output: String?
    /// The file of gates.
    let junit: String?
    let isJSON: Bool
    let isQuiet: Bool

    /// Writes the files and prints what there is to read.
    func give(_ report: some WrittenReport, _ checks: [QualityCheck], width: Int) throws {
        var files = try output.map { try report.files(in: $0) } ?? []
        if let junit {
            files.append(.init(path: junit, bytes: Array(report.junit(checks).utf8)))
        }
        try OutputFile.write(files, making: output)
        if isJSON {
            Terminal.print(String(decoding: try report.json().dropLast(), as: UTF8.self))
        } else {
            Terminal.print(report.summary)
            Terminal.print("")
            Terminal.print(report.terminalTable(width: max(width, Terminal.columns)))
        }
        Terminal.warnings(report.allWarnings)
        if !isQuiet, !files.isEmpty {
            Terminal.note("written: \(files.map(\.path).joined(separator: ", "))")
        }
    }

    /// Ends with the exit code of gates where one is not met.
    static func require(_ checks: [QualityCheck]) throws {
        let failures = checks.filter { !$0.isMet }
        for failure in failures { Terminal.error("gate not met: \(failure)") }
        if !failures.isEmpty {
            throw ArgumentParser.ExitCode(TensorCore.ExitCode.gateNotMet.rawValue)
        }
    }
}
