import TensorCore

extension QualityReport {
    /// The names of the files that `write(to:)` writes.
    public static let fileNames = ["report.md", "report.json", "report.html"]

    /// Writes the report as Markdown, JSON and HTML into `folder`, which is made when need be.
    ///
    /// Each file appears only when it is complete. Returns the paths. Throws a `FileError`.
    @discardableResult
    public func write(to folder: String) throws -> [String] {
        try Directory.create(folder)
        let contents = [Array(markdown().utf8), try json(), Array(htmlPage().utf8)]
        return try zip(QualityReport.fileNames, contents).map { name, bytes in
            let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
            try OutputFile.write(bytes, to: path)
            return path
        }
    }
}
