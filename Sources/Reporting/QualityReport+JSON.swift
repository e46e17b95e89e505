extension QualityReport {
    /// The report as JSON (UTF-8, keys sorted, a line feed at the end).
    ///
    /// Numbers that JSON cannot say are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`. The
    /// derived `summary` and `caveats` are written for readers and ignored when read back.
    public func json() throws -> [UInt8] {
        try ReadableJSON.bytes(of: Document(report: self))
    }

    /// Reads a report that `json()` wrote; `file` is for the error's sake.
    ///
    /// Throws a `ReportError` that names the key at fault.
    public init(json bytes: [UInt8], file: String? = nil) throws(ReportError) {
        do {
            // The version first: a later schema may lack keys, and that is the better message.
            let version = try ReadableJSON.value(Version.self, from: bytes).schemaVersion
            guard version == QualityReport.currentSchemaVersion else {
                throw ReportError(
                    .schemaVersion(
                        found: version, supported: QualityReport.currentSchemaVersion),
                    file: file)
            }
            self = try ReadableJSON.value(QualityReport.self, from: bytes)
        } catch let error as ReportError {
            throw error
        } catch let error as DecodingError {
            throw ReportError(decoding: error, kind: { .notAReport(detail: $0) }, file: file)
        } catch {
            throw ReportError(.notAReport(detail: "\(error)"), file: file)
        }
    }

    private struct Version: Decodable {
        let schemaVersion: Int
    }

    /// The report and what is derived from it, side by side in one object.
    private struct Document: Encodable {
        let report: QualityReport

        private enum DerivedKey: CodingKey {
            case summary, caveats
        }

        func encode(to encoder: any Encoder) throws {
            try report.encode(to: encoder)
            var container = encoder.container(keyedBy: DerivedKey.self)
            try container.encode(report.summary, forKey: .summary)
            try container.encode(report.caveats, forKey: .caveats)
        }
    }
}

extension ReportError {
    /// The error about what a decoder did not find, with the key's path as its place.
    init(decoding error: DecodingError, kind: (String) -> Kind, file: String?) {
        func path(_ keys: [any CodingKey]) -> String? {
            var text = ""
            for key in keys {
                if let index = key.intValue {
                    text += "[\(index)]"
                } else {
                    text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
                }
            }
            return text.isEmpty ? nil : text
        }
        switch error {
        case .keyNotFound(let key, let context):
            self.init(
                kind("the key is missing"), file: file, place: path(context.codingPath + [key]))
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            self.init(
                kind("expected a value of type \(type)"), file: file,
                place: path(context.codingPath))
        case .dataCorrupted(let context):
            self.init(
                kind(context.debugDescription), file: file, place: path(context.codingPath))
        @unknown default:
            self.init(kind("\(error)"), file: file)
        }
    }
}
