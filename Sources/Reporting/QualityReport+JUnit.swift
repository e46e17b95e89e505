import Foundation

extension QualityReport {
    /// What was asked of the levels, as a JUnit XML document for continuous integration: a test
    /// case per check, with its figures; those that are not met are failures.
    ///
    /// Everything that comes from outside is escaped. The form is the one that Jenkins, GitLab and
    /// GitHub's reporters read: `testsuites/testsuite/testcase/failure`.
    public func junit(_ checks: [QualityCheck]) -> String {
        QualityCheck.junit(checks, title: title, date: provenance.date, properties: provenanceRows)
    }
}

extension QualityCheck {
    /// Checks as a JUnit document, with what a report says of how its figures came about.
    static func junit(
        _ checks: [QualityCheck], title: String, date: Date, properties: [ProvenanceRow]
    ) -> String {
        let failed = checks.count { !$0.isMet }
        let counts =
            "tests=\"\(checks.count)\" failures=\"\(failed)\" errors=\"0\" skipped=\"0\""
        var text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="ingot report" \(counts)>
            <testsuite name="\(markupEscaped(title))" \(counts) \
            timestamp="\(date.ISO8601Format())">
            <properties>

            """
        for row in properties {
            text += "<property name=\"\(markupEscaped(row.name))\" "
            text += "value=\"\(markupEscaped(row.value))\"/>\n"
        }
        text += "</properties>\n"
        for check in checks {
            text += "<testcase classname=\"\(markupEscaped(check.level))\" "
            text += "name=\"\(markupEscaped(check.requirement))\">\n"
            let finding = markupEscaped(check.description)
            text +=
                check.isMet
                ? "<system-out>\(finding)</system-out>\n"
                : "<failure type=\"gate\" message=\"\(finding)\">\(finding)</failure>\n"
            text += "</testcase>\n"
        }
        return text + "</testsuite>\n</testsuites>\n"
    }
}
