import TensorCore
import Templates
import TestSupport
import Testing

/// Small templates of every filter, test, method and operator, and what jinja2 made of them
/// (scripts/fixtures/templates.py).
@Suite struct RenderedTemplateTests {
    @Test func comeToWhatJinjaMakesOfThem() throws {
        let json = try JSON.parse(
            InputFile.contents(path: Fixtures.path("templates/rendered.json")))
        var variables: [String: TemplateValue] = [:]
        for member in try #require(json["variables"]?.members) {
            variables[member.key.description] = TemplateValue(member.value)
        }
        let templates = try #require(json["templates"]?.array)
        #expect(templates.count > 3000)
        for template in templates {
            let text = try #require(template.array?.first?.text)
            let wanted = template.array?.last?.text
            var found: String?
            do {
                found = try Template(text, name: "t.jinja").render(
                    variables, now: CalendarTime(year: 2024, month: 7, day: 26)
                ).text
            } catch {
                // Python's integers have no end.
                if error.description.contains("64 bits") { continue }
            }
            #expect(found == wanted, "\(text)")
        }
    }
}
