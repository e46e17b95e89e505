import Calibration
import Conversion
import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

/// The built-in calibration texts.
@Suite struct CalibrationMixTests {
    private static let kinds: [CalibrationDocument.Kind] = [.prose, .code, .chat, .multilingual]

    @Test func everyKindIsThereForBothUses() throws {
        let documents = try CalibrationMix.documents()
        for use in [CalibrationDocument.Use.calibration, .validation] {
            for kind in Self.kinds {
                #expect(documents.contains { $0.use == use && $0.kind == kind }, "\(use) \(kind)")
            }
        }
        #expect(documents.allSatisfy { Self.kinds.contains($0.kind) })
        #expect(Set(documents.map(\.name)).count == documents.count, "names are unique")
        #expect(try CalibrationMix.sha256().count == 64)
        #expect(try CalibrationMix.documents() == documents)
    }

    @Test func itIsMadeOfTheFilesBesideIt() throws {
        for document in try CalibrationMix.documents() {
            guard case .text(let text) = document.content else { continue }
            let folder = Fixtures.path(
                "calibration-mix/\(document.use.rawValue)/\(document.kind.rawValue)")
            let file = try #require(
                FileManager.default.contentsOfDirectory(atPath: folder).first {
                    $0.hasPrefix(document.name + ".")
                }, "\(document.name)")
            #expect(
                try InputFile.contents(path: "\(folder)/\(file)") == text,
                "\(file): run scripts/make-calibration-mix")
        }
    }

    @Test func textIsUnicodeWithoutStrayControls() throws {
        for document in try CalibrationMix.documents() {
            guard case .text(let text) = document.content else { continue }
            let string = try #require(String(validating: text, as: UTF8.self), "\(document.name)")
            #expect(
                string.unicodeScalars.allSatisfy {
                    $0.value >= 0x20 && $0.value != 0x7F || $0 == "\n" || $0 == "\t"
                }, "\(document.name)")
            #expect(!string.contains("\u{FFFD}"), "\(document.name)")
        }
    }

    /// Models are measured on these; what is measured on is not calibrated on.
    @Test func nothingOfTheEvaluationTextsIsInIt() throws {
        let words = { (text: [UInt8]) in
            String(decoding: text, as: UTF8.self).lowercased()
                .split { !$0.isLetter && !$0.isNumber }.map(String.init)
        }
        let length = 8
        var known: Set<ArraySlice<String>> = []
        for name in ["text/evaluation.txt", "conformance/convert/text.txt"] {
            let text = words(try InputFile.contents(path: Fixtures.path(name)))
            for start in text.indices.dropLast(length) {
                known.insert(text[start..<start + length])
            }
        }
        for document in try CalibrationMix.documents() {
            guard case .text(let bytes) = document.content else { continue }
            let text = words(bytes)
            for start in text.indices.dropLast(length) {
                #expect(!known.contains(text[start..<start + length]), "\(document.name)")
            }
        }
    }

    @Test func conversationsTakeTurns() throws {
        var calls = 0
        for document in try CalibrationMix.documents() {
            guard case .conversation(let conversation) = document.content else { continue }
            let roles = conversation.messages.map { $0["role"]?.text ?? "" }
            let turns = roles.first == "system" ? Array(roles.dropFirst()) : roles
            #expect(
                turns.first == "user" && turns.last == "assistant", "\(document.name): \(roles)")
            for (role, next) in zip(turns, turns.dropFirst()) {
                let expected: [String] =
                    switch role {
                    case "user": ["assistant"]
                    case "tool": ["assistant", "tool"]
                    default: ["user", "tool"]
                    }
                #expect(expected.contains(next), "\(document.name): \(roles)")
            }
            for message in conversation.messages {
                #expect(message["content"]?.bytes != nil, "\(document.name)")
                guard let call = message["tool_calls"]?.array?.first else { continue }
                calls += 1
                let name = call["function"]?["name"]
                #expect(
                    conversation.tools.contains { $0["function"]?["name"] == name },
                    "\(document.name) calls a tool that it does not declare")
            }
        }
        #expect(calls > 0)
    }
}
