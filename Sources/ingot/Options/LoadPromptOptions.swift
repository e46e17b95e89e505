import ArgumentParser
import HTTPRequests
import LoadTesting
import TensorCore
import Tokenization

/// What a load test asks.
struct LoadPromptOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Tokens of each prompt by the server's own count, its template among them.",
            valueName: "tokens"))
    var input = 256

    @Option(help: ArgumentHelp("Tokens of each answer.", valueName: "tokens"))
    var output = 128

    @Option(
        help: ArgumentHelp(
            "Prompts of your own: JSON Lines with prompt or messages (and max_tokens), or a text a"
                + " line; from the start again behind the last.", valueName: "file"))
    var prompts: String?

    @Option(
        help: ArgumentHelp(
            "The model's tokenizer, a GGUF file or a Hugging Face directory, where the server has no"
                + " /tokenize.", valueName: "file"))
    var tokenizer: String?

    @Flag(
        inversion: .prefixedNo,
        help: """
            Let texts go on behind their end tokens, so that all have --output tokens. (default: yes, \
            with --prompts no)
            """)
    var ignoreEos: Bool?

    @Option(
        help: ArgumentHelp(
            "A JSON object of further members of requests, such as '{\"temperature\": 0}'.",
            valueName: "json"))
    var body: String?

    mutating func validate() throws {
        for (name, count) in [("--input", input), ("--output", output)] {
            guard (1...1 << 24).contains(count) else {
                throw ValidationError("\(name) is \(count), expected a count from 1")
            }
        }
        _ = try extraMembers()
    }

    func extraMembers() throws -> [JSON.Member] {
        guard let body else { return [] }
        let json: JSON
        do { json = try JSON.parse(Array(body.utf8)) } catch {
            throw ValidationError("--body is no JSON: \(error)")
        }
        guard let members = json.members else {
            throw ValidationError("--body is \(json.kindName), expected a JSON object")
        }
        return members
    }

    var ignoresEnd: Bool { ignoreEos ?? (prompts == nil) }

    /// What is asked of a target, as the server takes it, and where it comes from.
    struct Prepared: Sendable {
        var target: LoadTarget
        var prompts: any PromptSource
        var origin: String
        var notes: [String] = []
    }

    /// Makes prompts and sends the first.
    ///
    /// - Parameter count: Tokens of a text by `--tokenizer`.
    func prepare(
        _ target: LoadTarget, seed: UInt64, probe: ServerProbe, count: TokenCounter?
    ) async throws -> Prepared {
        if let prompts {
            let file = try FilePrompts(path: prompts, endpoint: target.endpoint)
            let accepted = try await probe.accepted(target, file.prompt(at: 0))
            return note(
                Prepared(
                    target: accepted, prompts: file,
                    origin: "\(file.count) of \(Paths.name(prompts))"), target)
        }
        let own = await probe.tokenCounter(for: target)
        let counter = count ?? own ?? probe.usageCounter(for: target)
        let isCheap = count != nil || own != nil
        let origin =
            "random words, counted by "
            + (count != nil ? "--tokenizer" : own != nil ? "/tokenize" : "usage")
        let words = try await SyntheticPrompts.calibrated(
            tokenCount: input, seed: seed, count: counter, callLimit: isCheap ? 2000 : 64)
        let accepted = try await probe.accepted(target, words.prompt(at: -1))
        // The server's template, and what stands before a text, are in its count only.
        let usage = try await probe.firstRequest(words.prompt(at: -2), to: accepted.short)
        var prepared = Prepared(
            target: accepted, prompts: try words.corrected(usage: usage), origin: origin)
        let found = try await probe.firstRequest(
            prepared.prompts.prompt(at: -3), to: accepted.short)
        if found != input {
            prepared.notes.append(
                "Prompts have about \(input) tokens (one had \(found)): the server's count does not"
                    + " grow word by word.")
        }
        return note(prepared, target)
    }

    private func note(_ prepared: Prepared, _ asked: LoadTarget) -> Prepared {
        var prepared = prepared
        if asked.ignoresEnd, !prepared.target.ignoresEnd {
            prepared.notes.append(
                "The server does not take ignore_eos: texts may be shorter than --output.")
        }
        return prepared
    }
}

extension LoadTarget {
    /// The same target asked for a few tokens only.
    fileprivate var short: LoadTarget {
        var target = self
        target.outputTokens = min(4, outputTokens)
        return target
    }
}
