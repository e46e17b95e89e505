import Templates
import Testing

/// Hostile templates end in an error, soon.
@Suite struct TemplateLimitTests {
    private static let limits: TemplateLimits = {
        var limits = TemplateLimits()
        limits.stepCount = 200_000
        limits.wordCount = 1 << 20
        limits.outputCount = 1 << 16
        return limits
    }()

    private static func many(_ text: String) -> String { String(repeating: text, count: 3000) }
    private static let parentheses = many("(") + "1" + many(")")
    private static let brackets = many("[") + many("]")

    @Test(
        arguments: [
            "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
            "{{ 'a' * 1000000000 }}", "{{ [0] * 1000000000 }}", "{{ 'a'.center(1000000000) }}",
            "{{ 'a' | indent(9000000000000) }}", "{{ '%1000000d' % 1 }}",
            "{{ '{:1000000}'.format(1) }}",
            "{{ 'a'.zfill(9223372036854775807) }}",
            "{% set n = namespace(s='aaaaaaaa') %}{% for i in range(64) %}{% set n.s = n.s + n."
                + "s %}{% endfor %}",
            "{% set n = namespace(l=[]) %}{% for i in range(100000) %}{% set n.l = [n.l] %}{% e"
                + "ndfor %}",
            "{% set n = namespace(l=[]) %}{% for i in range(300) %}{% for x in [n.l] %}{% set n"
                + ".l = loop %}{% endfor %}{% endfor %}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{% block b %}{{ self.b() }}{% endblock %}",
            "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
            "{{ 'aaaa'.replace('', 'b' * 100000) | replace('b', 'c' * 1000) }}",
            "{% for i in range(20000) %}abcdefgh{% endfor %}",
            "{{ [1] | batch(1000000000, 0) | list }}", "{{ [1] | slice(1000000000) | list }}",
            "{{ ['a', 'b'] | tojson(indent=100000000) }}",
            "{{ " + parentheses + " }}", "{{ " + many("a+") + "a }}",
            many("{% if 1 %}"),
            "{{ " + brackets + " }}", "{{ x" + many("|upper") + " }}",
            "{{ " + many("not ") + "1 }}", "{{ " + many("-") + "1 }}", "{{ x" + many(".a") + " }}",
        ])
    func ends(_ template: String) throws {
        let error = try #require(fault(template, limits: Self.limits))
        guard case .limit = error.kind else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func selfReferenceIsLetGoOf() throws {
        let template = """
            {% set n = namespace() %}{% set n.n = n %}\
            {% macro m() %}{{ n.n.n is defined }}{% endmacro %}\
            {% set n.m = m %}{{ n.m() }}
            """
        #expect(try rendered(template) == "True")
        #expect(fault("{% set n = namespace() %}{% set n.n = n %}{{ n }}")?.line == 1)
    }

    @Test func everyPrefixOfATemplateIsHandled() {
        let template = """
            {%- set ns = namespace(a=[1, 2.5, 'x\\n']) -%}{# c #}
            {% for k, v in {'a': (1, -2)}.items() if v -%}
            {{ loop.index ~ k | upper | replace('A', "b") }}{% else %}{% raw %}{{ }}{% endraw %}
            {% endfor %}
            {% macro m(a, b=1) %}{{ a[1:2] if a is not none else caller() }}{% endmacro %}
            {{ m(*[[1]], **{}) }}
            """
        for count in 0...template.unicodeScalars.count {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: template.unicodeScalars.prefix(count))
            _ = try? rendered(String(text))
        }
        #expect(throws: Never.self) { try rendered(template) }
    }
}
