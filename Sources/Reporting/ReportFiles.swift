import TensorCore

/// The files of a report's folder.
enum ReportFiles {
    static func contents(
        in folder: String, markdown: String, json: [UInt8], page: String
    ) -> [OutputFile.Content] {
        let start = folder.hasSuffix("/") ? folder : folder + "/"
        return [
            .init(path: start + "report.md", bytes: Array(markdown.utf8)),
            .init(path: start + "report.json", bytes: json),
            .init(path: start + "report.html", bytes: Array(page.utf8)),
        ]
    }
}
