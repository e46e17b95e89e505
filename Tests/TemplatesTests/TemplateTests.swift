import TensorCore
import Templates
import Testing

/// What a template comes to.
func rendered(
    _ template: String, _ variables: String = "{}", limits: TemplateLimits = TemplateLimits()
) throws -> String {
    let json = try JSON.parse(Array(variables.utf8))
    var values: [String: TemplateValue] = [:]
    for member in json.members ?? [] {
        values[member.key.description] = TemplateValue(member.value)
    }
    return try Template(template, name: "t.jinja", limits: limits).render(
        values, now: CalendarTime(year: 2024, month: 7, day: 26)
    ).text
}

/// The error of a template.
func fault(
    _ template: String, _ variables: String = "{}", limits: TemplateLimits = TemplateLimits()
) -> TemplateError? {
    do {
        let text = try rendered(template, variables, limits: limits)
        Issue.record("\(template) came to \(text)")
        return nil
    } catch {
        return error as? TemplateError
    }
}

/// Every expectation here is what Python's jinja2 gives under transformers' settings.
@Suite struct TemplateTests {
    @Test(
        arguments: [
            // White space control.
            ("a\n  {% if true %}\nb\n  {% endif %}\nc\n", "a\nb\nc"),
            ("a {%- if true -%} b {%- endif -%} c", "abc"),
            ("  {%+ if true %}x{% endif +%}\ny", "  x\ny"),
            ("{{ 1 }}\n{{- 2 }}\n", "12"),
            ("x {# note #}\ny{#- z -#} w", "x y" + "w"),
            ("{% raw %}\n{{ a }}{% endraw %}\nb", "\n{{ a }}b"),
            // Loops.
            (
                "{% for x in [1,2,3] %}{{ loop.index }}{{ loop.last }},{% endfor %}",
                "1False,2False,3True,"
            ),
            ("{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% else %}-{% endfor %}", "a=1"),
            ("{% for x in [] %}{{ x }}{% else %}none{% endfor %}", "none"),
            ("{% for x in [1,2,3,4] if x % 2 == 0 %}{{ loop.revindex }}{% endfor %}", "21"),
            (
                "{% for x in [1,2,3] %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
                "13"
            ),
            (
                "{% for x in [[1,[2]],3] recursive %}{{ loop(x) if x is iterable else x }}{% endfo"
                    + "r %}", "123"
            ),
            ("{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}", "1"),
            (
                "{% set n = namespace(c=0) %}{% for i in [1,2] %}{% set n.c = n.c + i %}{% endfor "
                    + "%}{{ n.c }}", "3"
            ),
            (
                "{% for x in [1,1,2] %}{{ loop.changed(x) }}{{ loop.previtem }}{% endfor %}",
                "TrueFalse1True1"
            ),
            // Macros and blocks.
            (
                "{% macro m(a, b='B') %}{{ a }}{{ b }}{{ kwargs }}{% endmacro %}{{ m(1, c=2) }}",
                "1B{'c': 2}"
            ),
            (
                "{% macro m() %}<{{ caller(3) }}>{% endmacro %}{% call(x) m() %}{{ x }}{% endcall %}",
                "<3>"
            ),
            ("{% set t | upper %}ab{% endset %}{{ t }}", "AB"),
            ("{% filter trim %} x {% endfilter %}", "x"),
            ("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "3"),
            ("{% block b %}x{% endblock b %}y", "xy"),
            ("{% block b %}x{% endblock b %}{{ self.b() }}", "xx"),
            ("{{ self.b() | upper }}{% block b %}y{% endblock %}", "Yy"),
            (
                "{% set v='1' %}{% block b %}{{ v }}{% block c %}i{% endblock %}{% endblock %}"
                    + "{{ self.c() ~ '!' }}", "1ii!"
            ),
            ("{{ self is defined }}{{ self.nope is defined }}", "TrueFalse"),
            // Expressions.
            (
                "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 3 }} {{ 7 / 2 }} {{ 6 / 2 }}",
                "3 -4 2 8 3.5 3.0"
            ),
            (
                "{{ 1 < 2 < 3 }} {{ 'b' in 'abc' }} {{ 3 not in [1] }} {{ not 1 }}",
                "True True True False"
            ),
            ("{{ 'a' ~ 1 ~ none }} {{ 'ab' * 2 }} {{ [1] + [2] }}", "a1None abab [1, 2]"),
            ("{{ 'abcdef'[1:4] }} {{ [1,2,3][::-1] }} {{ 'abc'[-1] }}", "bcd [3, 2, 1] c"),
            ("{{ x.y }} {{ x is defined }} {{ (1 if false) is undefined }}", " True True"),
            (
                "{{ {'a': 1, 'items': 2}.items() | list }} {{ {'items': 2}['items'] }}",
                "[('a', 1), ('items', 2)] 2"
            ),
            (
                "{{ 1e16 }} {{ 0.1 + 0.2 }} {{ 1e-5 }} {{ 100000.0 }}",
                "1e+16 0.30000000000000004 1e-05 100000.0"
            ),
            ("{{ \"it's\" }}|{{ [\"it's\", 'a\\n'] }}", "it's|[\"it's\", 'a\\n']"),
            ("{{ '%05.2f|%-4s|%r' % (3.14159, 'a', 'b') }}", "03.14|a   |'b'"),
            (
                "{{ '{:>5}|{:<3}|{0}'.format(1) if false else '{:>5}|{}'.format('a', 2) }}",
                "    a|2"
            ),
            ("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"),
            // Filters and tests.
            (
                "{{ {'b': [1, 2.0, none, true], 'a': '<é>'} | tojson }}",
                "{\"b\": [1, 2.0, null, true], \"a\": \"<é>\"}"
            ),
            ("{{ {'a': [1]} | tojson(indent=2) }}", "{\n  \"a\": [\n    1\n  ]\n}"),
            ("{{ 'a\nb\n\nc' | indent(2) }}", "a\n  b\n\n  c"),
            ("{{ [{'n': 1}, {'n': 2}] | map(attribute='n') | join('-') }}", "1-2"),
            (
                "{{ [{'r': 'a'}, {'r': 'b'}] | selectattr('r', 'equalto', 'b') | list | length }}",
                "1"
            ),
            (
                "{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.675 | round(2) }} {{ '42.9' | int }}",
                "2.0 4.0 2.67 42"
            ),
            (
                "{{ ['b', 'A', 'c'] | sort | join }} {{ {'b': 1, 'a': 2} | dictsort }}",
                "Abc [('a', 2), ('b', 1)]"
            ),
            (
                "{{ nothing | default('d') }} {{ '' | default('d', true) }} {{ 3 is odd }}",
                "d d True"
            ),
            ("{{ ('<b>' | safe) + '<i>' }} {{ '<i>' | e }}", "<b>&lt;i&gt; &lt;i&gt;"),
            (
                "{{ ' a  b '.split() }} {{ 'a,b'.split(',', 1) }} {{ 'ΑΣ'.lower() }}",
                "['a', 'b'] ['a', 'b'] ας"
            ),
        ])
    func comesToWhatJinjaGives(_ template: String, _ expected: String) throws {
        #expect(try rendered(template, #"{"x": {"z": 1}}"#) == expected)
    }

    @Test func faultsNameTemplateAndLine() throws {
        let error = try #require(fault("a\n\n{{ x.y.z }}", #"{"x": {}}"#))
        #expect(error.description == "t.jinja: line 3: 'dict object' has no attribute 'y'")
        #expect(fault("a\n{% if %}")?.line == 2)
        #expect(fault("{{ raise_exception('only one turn') }}")?.kind == .raised("only one turn"))
        #expect(
            fault("{{ [].append(1) }}")?.kind
                == .unsafe(
                    "access to attribute 'append' of 'list' object is unsafe."))
        #expect(fault("{{ 'a'.__class__() }}")?.line == 1)
        #expect(fault("{% include 'x' %}")?.line == 1)
    }

    @Test(
        arguments: [
            "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ none.x.y }}", "{{ 1() }}", "{{ x() }}",
            "{{ 1 // 0 }}",
            "{% for x in 3 %}{% endfor %}", "{{ [1, 2] | unknown }}", "{{ 1 is unknown }}",
            "{% set a, b = [1] %}", "{% endif %}", "{% for x in y %}", "{{ 'a' }", "{{ (1 }}",
            "{# x",
            "{% raw %}x", "{% break %}", "{{ '\\x1' }}", "{% set 1 = 2 %}", "{{ range(1000000) }}",
            "{{ {[]: 1} }}", "{{ x|tojson }}", "{% set ns = namespace(_a=1) %}",
            "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}",
            "{{ 99999999999999999999 }}",
            "{{ (-9223372036854775807 - 1) // -1 }}", "{{ (-9223372036854775807 - 1) | abs }}",
            "{{ 10 ** 30 }}", "{{ '%.99999999f' % 1 }}", "{{ (1e308 * 10) | int }}",
        ])
    func refuses(_ template: String) {
        #expect(fault(template) != nil)
    }
}
