import Evaluation
import Foundation
import Inference
import TensorCore
import TestSupport
import Testing
import Tokenization

@Suite("Multiple-choice tasks")
struct ChoiceTests {
    private func tasks(_ form: ChoiceTaskForm, _ text: String) throws -> [ChoiceTask] {
        try form.tasks(Array(text.utf8), path: "t")
    }

    private func fault(_ form: ChoiceTaskForm, _ bytes: [UInt8]) -> String {
        do {
            _ = try form.tasks(bytes, path: "t")
            return "read"
        } catch {
            #expect(error.exitCode == .badData)
            return error.description
        }
    }

    @Test func hellaswagHasSixLinesATask() throws {
        let found = try tasks(.hellaswag, "Cooking: He\n2\na.\nb.\nc.\nd.\nX: Y\r\n0\r\n1\n2\n3\n4")
        #expect(found.count == 2)
        #expect(
            found[0].texts.map { String(decoding: $0, as: UTF8.self) }
                == ["Cooking: He a.", "Cooking: He b.", "Cooking: He c.", "Cooking: He d."])
        #expect(found[0].isCorrect == [false, false, true, false])
        #expect(String(decoding: found[1].texts[3], as: UTF8.self) == "X: Y 4")
        #expect(fault(.hellaswag, Array("a\n1\nb\n".utf8)).contains("3 lines found"))
        #expect(fault(.hellaswag, Array("a\n4\nb\nc\nd\ne\n".utf8)).contains("line 2: \"4\" found"))
        #expect(fault(.hellaswag, []).contains("empty"))
    }

    @Test func winograndeHasAGap() throws {
        let found = try tasks(
            .winogrande,
            "0,Sarah was better than Maria so _ got the easier cases.,Sarah,Maria,2\n"
                + "1,\"Yes, _ was, too.\",he,she,1\n")
        #expect(found.count == 2)
        #expect(found[0].isCorrect == [false, true])
        #expect(
            found[1].texts.map { String(decoding: $0, as: UTF8.self) }
                == ["Yes, he was, too.", "Yes, she was, too."])
        #expect(
            found[1].stems?.map { String(decoding: $0, as: UTF8.self) } == ["Yes, he", "Yes, she"])
        #expect(fault(.winogrande, Array("0,a _ b,c,1".utf8)).contains("4 fields found"))
        #expect(fault(.winogrande, Array("0,a b,c,d,1".utf8)).contains("without a gap"))
        #expect(fault(.winogrande, Array("0,a _,c,d,3".utf8)).contains("\"3\" found"))
    }

    private func binary(_ tasks: [(String, [String], [Int32])]) -> [UInt8] {
        var file = ByteBuilder()
        file.append(UInt32(tasks.count))
        for _ in tasks { file.append(UInt32(0)) }
        func text(_ text: String) {
            file.append(UInt32(text.utf8.count))
            file.append(text)
        }
        for (question, answers, labels) in tasks {
            text(question)
            file.append(UInt32(answers.count))
            for answer in answers { text(answer) }
            for label in labels { file.append(label) }
            file.append(UInt32(0))
        }
        return file.bytes
    }

    @Test func multipleChoiceIsBinary() throws {
        let bytes = binary([("Q?", ["a", "b", "c"], [0, 1, 0]), ("R?", ["yes"], [1])])
        let found = try ChoiceTaskForm.multipleChoice.tasks(bytes, path: "t")
        #expect(found.count == 2)
        #expect(String(decoding: found[0].texts[1], as: UTF8.self) == "Q? b")
        #expect(found[0].isCorrect == [false, true, false])
        // Cut anywhere it is refused; so are counts that no file can hold.
        for length in 1..<bytes.count {
            #expect(fault(.multipleChoice, Array(bytes[..<length])) != "read", "\(length)")
        }
        for place in [0, 12] {
            var hostile = bytes
            hostile.replaceSubrange(place..<place + 4, with: [0xFF, 0xFF, 0xFF, 0xFF])
            #expect(fault(.multipleChoice, hostile) != "read")
        }
    }

    /// Numbers that libstdc++ gives for `std::mt19937(1)`, the first three and
    /// `uniform_int_distribution(0, 9)` on a fresh one.
    @Test func theSelectionIsThePeers() throws {
        let tasks = (0..<10).map {
            ChoiceTask(texts: [Array("\($0)".utf8)], isCorrect: [true])
        }
        func chosen(_ form: ChoiceTaskForm, _ count: Int?) -> [String] {
            form.selection(of: tasks, count: count).map {
                String(decoding: $0.texts[0], as: UTF8.self)
            }
        }
        // 1791095845, 4282876139, 3093770124: shares 0.417, 0.997, 0.720 of 10, 9, 8.
        #expect(chosen(.winogrande, 3) == ["4", "8", "5"])
        #expect(chosen(.hellaswag, 3) == ["4", "9", "6"])
        #expect(chosen(.hellaswag, nil).count == 10 && chosen(.hellaswag, 20).count == 10)
    }

    @Test("scores are means of ln p over the answers' own tokens")
    func scores() throws {
        let model = try TinyModel(tokens: (0..<40).map { String(UnicodeScalar(UInt8(0x40 + $0))) })
            .model()
        let other = try TinyModel(
            noise: 0.3, tokens: (0..<40).map { String(UnicodeScalar(UInt8(0x40 + $0))) }
        ).model()
        let tokenizer = try LetterTokenizer.make()
        let tasks = [
            ChoiceTask(
                texts: ["ABCDEF", "ABCXY", "ABCDG", "ABCZZZZ"].map { Array($0.utf8) },
                isCorrect: [true, false, false, false]),
            ChoiceTask(
                texts: ["KLM", "KLN"].map { Array($0.utf8) }, isCorrect: [false, true]),
        ]
        let found = try ChoiceScorer(models: [model, other], tokenizer: tokenizer).score(
            tasks, form: .hellaswag)
        for (model, score) in zip([model, other], found) {
            for (task, outcome) in zip(tasks, score.outcomes) {
                let common = task.texts.count == 4 ? 3 : 2
                for (text, value) in zip(task.texts, outcome.scores) {
                    let ids = try tokenizer.encode(text)
                    #expect(ids.count == text.count)
                    let rows = try logProbabilities(
                        of: model, windows: [ids], scored: 0..<ids.count)
                    let expected = (common..<ids.count).map { rows[$0 - 1][Int(ids[$0])] }
                    #expect(
                        abs(value - expected.reduce(0, +) / Double(expected.count)) < 5e-6)
                }
                #expect(outcome.scores.max() == outcome.scores[outcome.chosen])
            }
        }
        #expect(found[0].chance == (0.25 + 0.5) / 2)
        let difference = found[1].difference(from: found[0])
        #expect(difference.value == found[1].accuracy.value - found[0].accuracy.value)
    }

    @Test("WinoGrande scores what follows the choice, without the last token")
    func winogrande() throws {
        let model = try TinyModel().model()
        let tokenizer = try LetterTokenizer.make()
        // Long enough after the gap, and too short.
        for (after, skips) in [("GHIJ", true), ("G", false)] {
            let task = ChoiceTask(
                texts: ["ABX\(after)", "ABY\(after)"].map { Array($0.utf8) },
                stems: ["ABX", "ABY"].map { Array($0.utf8) }, isCorrect: [true, false])
            let outcome = try ChoiceScorer(models: [model], tokenizer: tokenizer).score(
                [task], form: .winogrande)[0].outcomes[0]
            for (text, value) in zip(task.texts, outcome.scores) {
                let ids = try tokenizer.encode(text)
                let rows = try logProbabilities(of: model, windows: [ids], scored: 0..<ids.count)
                let places = (skips ? 3 : 2)..<ids.count - 1
                let expected = places.map { rows[$0 - 1][Int(ids[$0])] }.reduce(0, +)
                #expect(abs(value - expected / Double(places.count)) < 5e-6, "\(after)")
            }
        }
    }

    @Test func intervalsHoldForFewTasks() {
        let right = ChoiceScore.Outcome(scores: [0, -1], chosen: 0, isCorrect: [true, false])
        let score = ChoiceScore(model: "m", outcomes: [right, right, right, right])
        #expect(score.accuracy == Estimate(1, standardError: 0))
        // Wilson's interval for 4 of 4: from 1 / (1 + z²/4).
        let z = 1.959963984540054
        let lower: Double = 1 / (1 + z * z / 4)
        #expect(abs(score.interval.lowerBound - lower) < 1e-6)
        #expect(score.interval.upperBound == 1)
    }
}

/// A token for each of the letters `@` to `g`, number by number, no BOS: any model with 40 tokens
/// can use it.
enum LetterTokenizer {
    static func make() throws -> Tokenizer {
        var metadata = Metadata()
        metadata["tokenizer.ggml.model"] = .string("llama")
        let tokens = (0..<40).map { ByteString(bytes: [UInt8(0x40 + $0)]) }
        metadata["tokenizer.ggml.tokens"] = .strings(tokens)
        metadata["tokenizer.ggml.scores"] = .float32s([Float](repeating: 0, count: 40))
        metadata["tokenizer.ggml.token_type"] = .int32s([Int32](repeating: 1, count: 40))
        metadata["tokenizer.ggml.add_bos_token"] = .bool(false)
        metadata["tokenizer.ggml.add_space_prefix"] = .bool(false)
        return try Tokenizer(vocabulary: Vocabulary(metadata: metadata))
    }
}
