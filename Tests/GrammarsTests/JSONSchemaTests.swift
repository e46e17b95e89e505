import Grammars
import TensorCore
import Testing

@Suite struct JSONSchemaTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var schema: String
        var allowed: [String]
        var refused: [String]
        var testDescription: String { schema }
    }

    private static func json(_ text: String) throws -> JSON { try JSON.parse(Array(text.utf8)) }

    static let examples = [
        Example(
            schema:
                #"{"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}"#,
            allowed: [#"{"a":1}"#, #"{"a": -12, "b": null}"#, "{\"a\":1,\n  \"b\":[1,{\"c\":2}]}"],
            refused: ["{}", #"{"b":1}"#, #"{"a":1.5}"#, #"{"a":1,}"#, #"{"a":1,"c":1}"#, "1"]),
        Example(
            schema:
                #"{"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": ["b"]}"#,
            allowed: [#"{"b":1}"#, #"{"a":1,"b":2}"#, #"{"b":1,"c":2}"#, #"{"a":1,"b":2,"c":3}"#],
            refused: [#"{"a":1,"c":2}"#, #"{"c":1,"b":2}"#, #"{,"b":1}"#]),
        Example(
            schema:
                #"{"properties": {"ab": {"const": 1}}, "additionalProperties": {"type": "boolean"}}"#,
            allowed: ["{}", #"{"ab":1}"#, #"{"a":true}"#, #"{"ab":1,"abc":false,"x":true}"#],
            refused: [#"{"ab":true}"#, #"{"a":1}"#]),
        Example(
            schema: #"{"type": "object", "additionalProperties": false}"#, allowed: ["{}", "{ }"],
            refused: [#"{"a":1}"#]),
        Example(
            schema:
                #"{"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 3}"#,
            allowed: ["[1]", "[1, 2.5, -3e10]"], refused: ["[]", "[1,2,3,4]", "[true]", "[1,]"]),
        Example(
            schema:
                #"{"prefixItems": [{"type": "string"}, {"const": 2}], "items": {"type": "null"}}"#,
            allowed: [#"["a",2]"#, #"["a", 2, null, null]"#], refused: ["[]", #"["a",3]"#]),
        Example(
            schema: #"{"type": "string", "minLength": 2, "maxLength": 3}"#,
            allowed: [#""ab""#, #""日本語""#, #""\n\"""#, #""é\u00e9""#],
            refused: [#""a""#, #""abcd""#, "ab", "\"a\nb\""]),
        Example(
            schema: #"{"type": "string", "maxLength": 1}"#, allowed: [#""""#, #""a""#],
            refused: [#""ab""#]),
        Example(
            schema: #"{"type": "string", "minLength": 1}"#, allowed: [#""a""#, #""abc""#],
            refused: [#""""#]),
        Example(
            schema: #"{"type": "number", "enum": ["a", 1.5, 2]}"#, allowed: ["1.5", "2"],
            refused: [#""a""#, "3"]),
        Example(
            schema: #"{"type": "string", "enum": ["a", 1.5, 2.0]}"#, allowed: [#""a""#],
            refused: ["1.5", "2.0", "2"]),
        Example(
            schema: #"{"type": "integer", "minimum": -5, "maximum": 120}"#,
            allowed: ["-5", "-1", "0", "7", "99", "100", "120"],
            refused: ["-6", "121", "1000", "05", "-0", "1.0"]),
        Example(
            schema: #"{"type": "integer", "exclusiveMinimum": 9, "maximum": 1000}"#,
            allowed: ["10", "999", "1000"], refused: ["9", "1001", "0"]),
        Example(
            schema: #"{"type": "integer", "minimum": 95}"#, allowed: ["95", "100", "123456"],
            refused: ["94", "9", "-95"]),
        Example(
            schema: #"{"enum": ["a", 1, null, {"b": []}]}"#,
            allowed: [#""a""#, "1", "null", #"{"b":[]}"#], refused: [#""b""#, "2"]),
        Example(
            schema: #"{"type": "string", "enum": ["a", 1]}"#, allowed: [#""a""#], refused: ["1"]),
        Example(
            schema: #"{"anyOf": [{"type": "string"}, {"type": "array", "items": false}]}"#,
            allowed: [#""x""#, "[]"], refused: ["1", "[1]"]),
        Example(
            schema:
                #"{"oneOf": [{"type": "object", "properties": {"k": {"const": "a"}}, "required": ["k"]}, {"type": "object", "properties": {"k": {"const": "b"}, "n": {"type": "integer"}}, "required": ["k", "n"]}]}"#,
            allowed: [#"{"k":"a"}"#, #"{"k":"b","n":1}"#], refused: [#"{"k":"b"}"#, #"{"k":"c"}"#]),
        Example(
            schema:
                ##"{"allOf": [{"$ref": "#/$defs/a"}, {"properties": {"b": {"const": 2}}, "required": ["b"]}], "$defs": {"a": {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}}}"##,
            allowed: [#"{"a":1,"b":2}"#], refused: [#"{"a":1}"#, #"{"b":2}"#]),
        Example(
            schema:
                ##"{"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {"v": {"type": "integer"}, "c": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}, "required": ["v"]}}}"##,
            allowed: [#"{"v":1}"#, #"{"v":1,"c":[{"v":2,"c":[]},{"v":3}]}"#],
            refused: [#"{"v":1,"c":[{}]}"#]),
        Example(
            schema: #"{"type": ["string", "null"]}"#, allowed: ["null", #""""#], refused: ["1"]),
        Example(
            schema: #"{"type": "string", "pattern": "^[A-Z]{2}-\\d+$"}"#, allowed: [#""AB-12""#],
            refused: [#""AB-""#, #""ab-1""#, #""AB-1x""#]),
        Example(
            schema: #"{"type": "string", "pattern": "b(c|\"d)"}"#,
            allowed: [#""abcd""#, #""b\"d""#], refused: [#""bd""#, #""a""#]),
        Example(
            schema: #"{"type": "string", "format": "date"}"#,
            allowed: [#""2024-02-28""#, #""1999-12-31""#],
            refused: [#""2024-13-01""#, #""2023-02-30""#, #""2024-04-31""#]),
        Example(
            schema: #"{"type": "string", "format": "ipv4"}"#, allowed: [#""10.0.255.1""#],
            refused: [#""256.1.1.1""#, #""1.2.3""#]),
        Example(schema: "true", allowed: ["1", "[{}]"], refused: ["", "[", "tru"]),
        Example(
            schema: #"{"type": "number", "minimum": 0, "title": "t", "description": "d"}"#,
            allowed: ["0", "1.5", "2e3"], refused: ["-1"]),
    ]

    @Test(arguments: examples)
    func allowsWhatItSays(_ example: Example) throws {
        let grammar = try Grammar(jsonSchema: Self.json(example.schema))
        for text in example.allowed { #expect(follows(text, grammar), "\(text)") }
        for text in example.refused { #expect(!follows(text, grammar), "\(text)") }
    }

    /// What cannot be kept is named, with where it stands.
    @Test(arguments: [
        (#"{"type": "string", "contentEncoding": "base64"}"#, "contentEncoding", "#"),
        (#"{"type": "object", "patternProperties": {}}"#, "patternProperties", "#"),
        (#"{"type": "object", "minProperties": 1}"#, "minProperties", "#"),
        (#"{"not": {"type": "string"}}"#, "not", "#"), (#"{"if": {}}"#, "if", "#"),
        (#"{"type": "array", "uniqueItems": true}"#, "uniqueItems", "#"),
        (#"{"type": "array", "contains": {}}"#, "contains", "#"),
        (#"{"type": "integer", "multipleOf": 3}"#, "multipleOf", "#"),
        (#"{"type": "number", "maximum": 3}"#, "maximum", "#"),
        (#"{"type": "string", "format": "regex"}"#, "format", "#"),
        (#"{"type": "string", "pattern": "(?=a)b"}"#, "pattern", "#"),
        (#"{"type": "string", "pattern": "(a)\\1"}"#, "pattern", "#"),
        (#"{"type": "strin"}"#, "type", "#"), (##"{"$ref": "#/nowhere"}"##, "$ref", "#"),
        (#"{"$ref": "http://example.com/a.json"}"#, "$ref", "#"),
        (#"{"properties": {"a": {"items": {"not": {}}}}}"#, "not", "#/properties/a/items"),
        (#"{"oneOf": [{"type": "object"}, {"type": "object"}]}"#, "oneOf", "#"),
        (#"{"type": "string", "enum": [1]}"#, "enum", "#"),
        (#"{"enum": []}"#, "enum", "#"),
        (#"{"type": "string", "anyOf": [{"type": "integer"}]}"#, "type", "#"),
        (#"{"required": "a"}"#, "required", "#"),
        (#"{"type": "integer", "minimum": 5, "maximum": 1}"#, "maximum", "#"),
        ("[]", "schema", "#"),
    ])
    func refuses(_ schema: String, _ keyword: String, _ place: String) throws {
        let schema = try Self.json(schema)
        let error = try #require(throws: GrammarError.self) { try Grammar(jsonSchema: schema) }
        guard case .keyword(let found, _) = error.kind else {
            Issue.record("\(error)")
            return
        }
        #expect(found == keyword)
        #expect(error.place == place)
    }

    @Test func selfReferenceIsRefused() throws {
        #expect(throws: GrammarError.self) {
            try Grammar(jsonSchema: Self.json(##"{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}"##))
        }
        #expect(throws: GrammarError.self) {
            try Grammar(jsonSchema: Self.json(##"{"allOf": [{"$ref": "#"}]}"##))
        }
    }

    @Test func largeSchemasAreRefused() throws {
        let members = (0..<6000).map { "\"p\($0)\": {}" }.joined(separator: ",")
        #expect(throws: GrammarError.self) {
            try Grammar(jsonSchema: Self.json("{\"properties\": {\(members)}}"))
        }
        let long = String(repeating: "a", count: 100_000)
        #expect(throws: GrammarError.self) {
            try Grammar(
                jsonSchema: Self.json(
                    "{\"properties\": {\"\(long)\": {}}, \"additionalProperties\": true}"))
        }
        #expect(throws: GrammarError.self) {
            try Grammar(
                jsonSchema: Self.json(
                    #"{"type": "string", "pattern": "^a{1,300000}$"}"#))
        }
        for schema in [
            "false", #"{"type": []}"#, #"{"type": ["string", 1]}"#,
            #"{"required": ["a"], "additionalProperties": false}"#,
        ] {
            #expect(throws: GrammarError.self, "\(schema)") {
                try Grammar(jsonSchema: Self.json(schema))
            }
        }
        // Parts that repeat are made once: a million a's are no large grammar.
        let nested = #"{"type": "string", "pattern": "^((a{1,100}){1,100}){1,100}$"}"#
        #expect(throws: Never.self) { try Grammar(jsonSchema: Self.json(nested)) }
    }

    @Test("what is nested does not double with every level", arguments: [1, 13, 30])
    func nestedSchemas(levels: Int) throws {
        var (lists, objects) = (#"{"type": "integer"}"#, #"{"type": "integer"}"#)
        for _ in 0..<levels {
            lists = #"{"type": "array", "items": \#(lists), "minItems": 1}"#
            objects = #"{"type": "object", "properties": {"a": {}, "b": \#(objects)}}"#
        }
        let open = String(repeating: "[", count: levels)
        let close = String(repeating: "]", count: levels)
        let grammar = try Grammar(jsonSchema: Self.json(lists))
        #expect(follows(open + "1,2" + close, grammar))
        #expect(!follows(open + "[1]" + close, grammar))
        let object = String(repeating: #"{"b":"#, count: levels)
        let end = String(repeating: "}", count: levels)
        let members = try Grammar(jsonSchema: Self.json(objects))
        #expect(follows(object + "1" + end, members))
        #expect(!follows(object + "{}" + end, members))
    }

    @Test func callsOfFunctions() throws {
        let grammar = try Grammar(
            calls: [
                .init(
                    name: "add",
                    parameters: Self.json(
                        ##"{"type": "object", "properties": {"x": {"$ref": "#/$defs/n"}}, "required": ["x"], "$defs": {"n": {"type": "integer"}}}"##
                    )),
                .init(
                    name: "stop",
                    parameters: Self.json(#"{"type": "object", "additionalProperties": false}"#)),
            ], argumentsKey: "arguments", suffix: "]", separator: ", ")
        #expect(follows(#"{"name": "add", "arguments": {"x":1}}]"#, grammar))
        #expect(
            follows(
                #"{"name": "stop", "arguments": {}}, {"name": "add", "arguments": {"x":2}}]"#,
                grammar))
        #expect(!follows(#"{"name": "add", "arguments": {}}]"#, grammar))
        #expect(!follows(#"{"name": "sub", "arguments": {}}]"#, grammar))
    }

    @Test func callsInText() throws {
        let call = Grammar.Call(
            name: "add",
            parameters: try Self.json(
                #"{"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}"#)
        )
        func grammar(_ allowsSeveral: Bool) throws -> Grammar {
            try Grammar(
                textWith: [call], argumentsKey: "arguments",
                syntax: .enclosed(
                    opening: .init("<call>", isControl: false),
                    closing: .init("</call>", isControl: false)), allowsSeveral: allowsSeveral)
        }
        let good = #"<call>{"name": "add", "arguments": {"x":1}}</call>"#
        let several = try grammar(true)
        for text in [
            "", "text", "<", "<<cal", "a < b <calls> c </call> é<c", good, "so: " + good,
            "<<call>" + good.dropFirst(6), good + " and\n" + good + "!",
            "<call>\n{\"name\": \"add\", \"arguments\": {\"x\": 12}}\n</call>",
        ] {
            #expect(follows(text, several), "\(text)")
        }
        for text in [
            "<call>", "<call>x", "a <<call>{}", good + "<call>",
            #"<call>{"name": "add", "arguments": {"x":"1"}}</call>"#,
        ] {
            #expect(!follows(text, several), "\(text)")
        }
        let one = try grammar(false)
        #expect(follows("a " + good, one) && !follows(good + good, one))
    }
}
