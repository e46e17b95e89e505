import Quantization
import TensorCore
import TestSupport
import Testing

@Suite struct RecipeTests {
    @Test func namesAndNumbersAreUnique() {
        let names = Recipe.all.flatMap { [$0.name] + $0.aliases }
        #expect(Set(names.map { $0.lowercased() }).count == names.count)
        let numbers = Recipe.all.compactMap(\.fileType)
        #expect(Set(numbers).count == numbers.count)
        #expect(numbers.count == Recipe.all.count - 1)
    }

    @Test(arguments: [
        ("Q4_K_M", "Q4_K_M"), ("q4_k_m", "Q4_K_M"), ("Q4_K", "Q4_K_M"), ("q3_k", "Q3_K_M"),
        ("Q5_K", "Q5_K_M"), ("15", "Q4_K_M"), ("0", "F32"), ("copy", "COPY"), ("7", "Q8_0"),
    ])
    func findsByNameAliasAndNumber(_ typed: String, _ name: String) throws {
        #expect(try Recipe.parse(typed).name == name)
    }

    @Test(arguments: [
        ("Q4_M", ["Q4_K_M"]), ("q4km", ["Q4_K_M"]), ("Q4-K-M", ["Q4_K_M"]),
        ("MXFP4", ["MXFP4_MOE"]),
        ("Q5", ["Q5_0", "Q5_1", "Q5_K_S"]), ("IQ4_XL", ["IQ4_NL", "IQ4_XS"]), ("banana", []),
        ("", []), ("33", []), ("F17", ["F16"]), (String(repeating: "Q", count: 100), []),
    ])
    func suggestsNearestNames(_ typed: String, _ nearest: [String]) {
        let error = #expect(throws: RecipeError.self) { try Recipe.parse(typed) }
        #expect(error?.kind == .unknownType(typed, nearest: nearest))
        #expect(error?.exitCode == .usage)
    }

    @Test func refusesFormatsThatAreOnlyRead() {
        let error = #expect(throws: RecipeError.self) { try Recipe.parse("NVFP4") }
        #expect(
            error?.description
                == "NVFP4 can be read, but models are not quantized to it. Its two-level scales "
                + "come from training; MXFP4_MOE or Q4_K_M are near in size.")
        #expect(throws: RecipeError.self) { try Recipe.parse("I32") }
    }

    @Test(arguments: ["attn_v", "=Q8_0", "attn_v=", "attn_v=Q9", "attn_v=I32", "(=Q8_0"])
    func refusesMalformedOverrides(_ text: String) {
        let error = #expect(throws: RecipeError.self) { try TensorOverride(parsing: text) }
        #expect(error?.exitCode == .usage)
    }

    @Test func readsOverrides() throws {
        let override = try TensorOverride(parsing: "ATTN_V=f16")
        #expect(override == (try TensorOverride(pattern: "attn_v", format: .F16)))
        // No format has an equals sign in its name, a pattern may.
        #expect(try TensorOverride(parsing: "attn_(?=v)=q8_0").pattern.source == "attn_(?=v)")
        #expect(try TensorOverride(parsing: #"ATTN\D\\W=f16"#).loweredEscapes == [#"\D"#])
        let list = try TensorOverride.list(parsing: Array(" a=f16\u{0B}b=q8_0\r\n".utf8))
        #expect(list.map(\.pattern.source) == ["a", "b"])
    }

    @Test func patternsThatDoNothingAreNamed() throws {
        let model = try Self.model(tensors: [
            ("blk.0.attn_k.weight", [4, 256], .F16, false),
            ("blk.0.attn_v.weight", [4, 256], .F16, false),
            ("blk.0.attn_norm.weight", [256], .F32, false),
            ("output.weight", [4, 256], .F16, false),
        ])
        var options = RecipeOptions()
        options.outputFormat = .Q8_0
        options.overrides = try [
            #"attn_k\b=q8_0"#, "attn_q=q8_0", "_norm=q8_0", "k.weight=q6_k", "output=q6_k",
            #"\D=q8_0"#,
        ].map { try TensorOverride(parsing: $0) }
        let remarks = try Recipe.Q4_K_M.remarks(on: options, for: model)
        #expect(
            remarks == [
                .unmatched(pattern: "attn_q"),
                .undeciding(
                    pattern: "_norm", first: "blk.0.attn_norm.weight", cause: .kept),
                .undeciding(
                    pattern: "k.weight", first: "blk.0.attn_k.weight", cause: .decided),
                .undeciding(pattern: "output", first: "output.weight", cause: .decided),
                .loweredEscape(pattern: #"\d"#, escapes: [#"\D"#]),
            ])
        options.overrides = [try TensorOverride(parsing: "attn_k=q8_0")]
        #expect(
            try Recipe.F16.remarks(on: options, for: model) == [
                .undeciding(
                    pattern: "attn_k", first: "blk.0.attn_k.weight", cause: .floatType("F16"))
            ])
    }

    /// As in the peer, the option for embeddings holds for them unless a pattern names them.
    @Test func aPatternMayNameTheEmbeddingsOfLayers() throws {
        let model = try Self.model(tensors: [
            ("token_embd.weight", [4, 256], .F16, false),
            ("per_layer_token_embd.weight", [4, 256], .F16, false),
        ])
        var options = RecipeOptions()
        options.tokenEmbeddingFormat = .Q8_0
        #expect(
            try Recipe.Q4_K_M.choose(model, options: options).map(\.format) == [.Q8_0, .Q8_0])
        options.overrides = [try TensorOverride(parsing: "token_embd=q6_k")]
        #expect(
            try Recipe.Q4_K_M.choose(model, options: options).map(\.format) == [.Q8_0, .Q6_K])
    }

    @Test(arguments: [
        ("IQ1_S", "Q2_K"), ("IQ2_XXS", "Q2_K"), ("IQ3_XXS", "IQ3_S"), ("Q2_K_S", "Q3_K"),
    ])
    func tensorsWithoutImportanceAreRaised(_ name: String, _ raised: String) throws {
        let model = try Self.model(
            tensors: [
                ("blk.0.ffn_up.weight", [4, 256], .F16, true),
                ("blk.1.ffn_up.weight", [4, 256], .F16, false),
            ], hasImportanceMatrix: true)
        let recipe = try Recipe.parse(name)
        #expect(throws: RecipeError.self) { try recipe.choose(model) }
        var options = RecipeOptions()
        options.missingImportance = .raise
        let choices = try recipe.choose(model, options: options)
        #expect(choices[0].reason == .recipe)
        #expect(choices[1].format.name == raised)
        #expect(choices[1].reason == .raised(from: choices[0].format))
    }

    @Test func copyKeepsEveryFormat() throws {
        let model = try Self.model(tensors: [("token_embd.weight", [4, 256], .F16, false)])
        #expect(try Recipe.parse("COPY").choose(model) == [FormatChoice(.F16, .kept)])
        #expect(try Recipe.parse("COPY").fileType == nil)
    }

    @Test func tellsWhy() throws {
        let model = try Self.model(tensors: [
            ("output.weight", [4, 96], .F16, false), ("output_norm.weight", [96], .F32, false),
            ("blk.0.attn_q.weight", [4, 96], .F16, false),
        ])
        var options = RecipeOptions()
        options.outputFormat = .F32
        let choices = try Recipe.parse("Q4_K_M").choose(model, options: options)
        #expect(choices.map(\.format.name) == ["F32", "F32", "Q5_0"])
        #expect(choices[0].reason == .override)
        #expect(choices[1].reason == .kept)
        guard case .fallback(let from) = choices[2].reason else {
            Issue.record("\(choices[2])")
            return
        }
        #expect(from.name == "Q4_K")
    }

    @Test func aMissingEntryIsAnErrorOnlyWhereItMatters() throws {
        let tensors: [(String, [Int], Format, Bool)] = [
            ("output.weight", [4, 256], .F16, false), ("token_embd.weight", [4, 256], .F16, false),
            ("blk.0.attn_q.weight", [4, 256], .F16, false),
        ]
        let model = try Self.model(tensors: tensors, hasImportanceMatrix: true)
        #expect(try Recipe.parse("Q4_K_M").choose(model).count == 3)
        let error = #expect(throws: RecipeError.self) {
            try Recipe.parse("IQ2_XS").choose(model)
        }
        #expect(error?.tensor == "blk.0.attn_q.weight")
        #expect(error?.exitCode == .badData)
    }

    @Test func experts() throws {
        let model = try Self.model(
            expertCount: 4, tensors: [("blk.9.ffn_down_exps.weight", [4, 4, 256], .F16, false)])
        let error = #expect(throws: RecipeError.self) { try Recipe.parse("Q4_K_M").choose(model) }
        #expect(error?.kind == .layerUnknown(blockCount: 2))
    }

    @Test func rowsThatFitNothing() throws {
        let model = try Self.model(tensors: [("blk.0.attn_q.weight", [4, 40], .F16, false)])
        #expect(
            try Recipe.parse("Q4_K_M").choose(model)
                == [FormatChoice(.F16, .fallback(from: .Q4_K))])
        let error = #expect(throws: RecipeError.self) { try Recipe.parse("Q1_0").choose(model) }
        #expect(error?.kind == .noFormatFits(rowLength: 40, wanted: .Q1_0))
        #expect(error?.tensor == "blk.0.attn_q.weight")
    }

    @Test func writesOutsideTensorsFirst() {
        let names = [
            "blk.10.a", "blk.2.b", "blk.2.a", "token_embd.weight", "output.weight", "blk.x",
        ]
        #expect(
            names.sorted(by: RecipeModel.isWrittenBefore)
                == [
                    "blk.x", "output.weight", "token_embd.weight", "blk.2.a", "blk.2.b", "blk.10.a",
                ])
    }

    static func model(
        expertCount: Int = 0, tensors: [(String, [Int], Format, Bool)],
        hasImportanceMatrix: Bool = false
    ) throws -> RecipeModel {
        RecipeModel(
            architecture: "llama", blockCount: 2, headCount: 4, headCountKV: 2,
            expertCount: expertCount, hasImportanceMatrix: hasImportanceMatrix,
            tensors: try tensors.map {
                RecipeModel.Tensor(
                    name: $0.0, shape: try #require(Shape($0.1)), format: $0.2,
                    hasImportance: $0.3)
            })
    }
}
