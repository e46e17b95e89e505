public import TensorCore

extension QualityReport {
    /// The report as Markdown, JSON and HTML in a folder.
    public func files(in folder: String) throws -> [OutputFile.Content] {
        try ReportFiles.contents(
            in: folder, markdown: markdown(), json: json(), page: htmlPage())
    }
}
