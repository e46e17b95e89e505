public import TensorCore

/// A Jinja template, as transformers renders those of chats.
///
/// Equal to Python's jinja2 with `trim_blocks`, `lstrip_blocks`, the sandbox that keeps lists and
/// dicts from being changed, the tags `break`, `continue` and `generation`, and transformers'
/// `tojson`, `raise_exception` and `strftime_now`. Integers have 64 bits.
///
/// A template is untrusted: its time, memory, depth and output are bounded by `TemplateLimits`, and
/// a fault is an error with the template's name and line.
public struct Template: Sendable {
    /// The name that errors carry.
    public let name: String?
    /// What rendering may take.
    public let limits: TemplateLimits
    private let tree: SyntaxTree

    /// Reads a template.
    ///
    /// - Throws: `TemplateError` where it is no template or too large.
    /// - Complexity: Linear in its length.
    public init(
        _ source: String, name: String? = nil, limits: TemplateLimits = TemplateLimits()
    ) throws(TemplateError) {
        self.name = name
        self.limits = limits
        guard source.utf8.count <= limits.sourceByteCount else {
            throw TemplateError(
                .limit(
                    "a template of \(source.utf8.count) bytes, expected at most \(limits.sourceByteCount)"
                ), file: name)
        }
        tree = try Template.named(name) { try Parser.parse(source, limits: limits) }
    }

    /// Renders the template.
    ///
    /// - Parameter now: The time that `strftime_now` tells.
    /// - Throws: `TemplateError`.
    public func render(
        _ variables: [String: TemplateValue], now: CalendarTime = .now
    ) throws(TemplateError) -> RenderedText {
        try Template.named(name) { [tree, limits] in
            let interpreter = Interpreter(
                tree, variables: variables.mapValues(\.value), limits: limits, now: { now })
            let (units, generated) = try interpreter.run()
            return RenderedText(units: units, generated: generated)
        }
    }

    /// Runs `body` with room for deep recursion, and gives its errors the template's name.
    private static func named<Result>(
        _ name: String?, _ body: () throws -> Result
    ) throws(TemplateError) -> Result {
        do {
            return try DeepStack.run(body)
        } catch var error as TemplateError {
            error.file = name
            throw error
        } catch {
            throw TemplateError(.value("\(error)"), file: name)
        }
    }
}

/// A value that a template is given.
///
/// Text that comes from users is a value, and no control token can come of it; text that the model's
/// file or the program itself provides (BOS, EOS, the names of roles) can be template text.
public struct TemplateValue: @unchecked Sendable {
    // Values are made once and never change, but for namespaces, which cannot be given from outside.
    let value: Value

    /// A value from outside.
    public init(_ json: JSON) { value = Value(json, isValue: true) }

    /// Text that may hold control tokens, as if the template had written it.
    public static func trusted(_ text: String) -> TemplateValue {
        TemplateValue(value: .text(Text(text)))
    }

    /// A Boolean.
    public static func boolean(_ value: Bool) -> TemplateValue {
        TemplateValue(value: .bool(value))
    }

    /// A list of values.
    public static func list(_ values: [TemplateValue]) -> TemplateValue {
        TemplateValue(value: .list(values.map(\.value)))
    }

    init(value: Value) { self.value = value }
}
