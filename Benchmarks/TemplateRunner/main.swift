// Renders templates for `scripts/compare-templates`: a line of JSON with `template` and `variables`
// in, one with `ok` or `error` out.

import Templates
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

while let line = readLine() {
    let answer: JSON.Member
    do {
        let json = try JSON.parse(Array(line.utf8), depthLimit: 256)
        let template = try Template(json["template"]?.text ?? "")
        var variables: [String: TemplateValue] = [:]
        for member in json["variables"]?.members ?? [] {
            variables[member.key.description] = TemplateValue(member.value)
        }
        let text = try template.render(
            variables, now: CalendarTime(year: 2024, month: 7, day: 26))
        answer = JSON.Member(key: "ok", value: .string(ByteString(bytes: text.utf8)))
    } catch {
        answer = JSON.Member(key: "error", value: .string(ByteString("\(error)")))
    }
    // One line: an object of one member stands on three.
    let text = String(decoding: JSON.object([answer]).written(), as: UTF8.self)
    print(text.split(separator: "\n").joined())
    fflush(nil)
}
