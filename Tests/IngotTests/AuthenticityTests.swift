import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// Records of provenance and signatures, as `ingot verify` takes them.
@Suite struct AuthenticityTests {
    static let hasSSH = FileManager.default.isExecutableFile(atPath: "/usr/bin/ssh-keygen")

    /// A file with a single tensor in a folder of its own.
    private func withFile(_ body: (_ folder: String, _ file: String) throws -> Void) throws {
        try Fixtures.withTemporaryFolder { folder in
            let file = folder + "/a.gguf"
            let made = try Tool.run([
                "convert", Fixtures.path("tiny-llama"), "--outfile", file, "-q",
            ])
            #expect(made.exitCode == 0, "\(made.errors)")
            try body(folder, file)
        }
    }

    private func statement(_ sha256: String, type: String = "https://in-toto.io/Statement/v1")
        -> String
    {
        """
        {"_type": "\(type)", "subject": [{"name": "b.gguf", "digest": {"sha256": "\(sha256)"}}],
         "predicateType": "https://example.org/built/v1", "predicate": {"by": ["another", 2]}}
        """
    }

    @Test func statementsOfOthersAreComparedByTheFilesDigest() throws {
        try withFile { folder, file in
            let digest = try sha256(ofFile: file)
            let record = folder + "/record.json"
            func verify(_ text: String) throws -> Tool.Outcome {
                try OutputFile.write(Array(text.utf8), to: record)
                return try Tool.run(["verify", file, "--provenance", record])
            }
            let good = try verify(statement(digest))
            #expect(good.exitCode == 0, "\(good.errors)")
            #expect(good.output.contains("1 SHA-256 digests as recorded"))
            let other = try verify(statement(String(repeating: "0", count: 64)))
            #expect(other.exitCode == 65)
            #expect(other.errors.contains("\(digest) found, 0000"))
            for text in [
                statement(digest, type: "https://in-toto.io/Statement/v0.1"), statement("12"), "{}",
                #"{"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicateType": "x"}"#,
            ] {
                let bad = try verify(text)
                #expect(bad.exitCode == 65)
                #expect(bad.errors.contains("is not a provenance record"))
            }
            let missing = try Tool.run(["verify", file, "--provenance", folder + "/none.json"])
            #expect(missing.exitCode == 74)
        }
    }

    @Test(.enabled(if: AuthenticityTests.hasSSH, "no ssh-keygen"))
    func signaturesAreCheckedBySSH() throws {
        try withFile { folder, file in
            func shell(_ script: String) throws -> Tool.Outcome {
                try Tool.shell("cd \"$1\" && " + script, [folder])
            }
            let setUp = try shell(
                """
                ssh-keygen -q -t ed25519 -N '' -f key && ssh-keygen -q -t ed25519 -N '' -f other
                echo "me@example.org $(cat key.pub)" > signers
                echo "you@example.org $(cat other.pub)" > others
                ssh-keygen -q -Y sign -f key -n file a.gguf
                """)
            #expect(setUp.exitCode == 0, "\(setUp.errors)")
            let options = "\"$INGOT\" verify a.gguf --signature a.gguf.sig --allowed-signers"
            let good = try shell("\(options) signers")
            #expect(good.exitCode == 0, "\(good.errors)")
            #expect(good.output.contains("signed by me@example.org"))
            for (rest, expected) in [
                ("signers --identity me@example.org", 0), ("others", 65),
                ("signers --identity you@example.org", 65), ("signers --namespace git", 65),
                ("none", 74),
            ] as [(String, Int32)] {
                let outcome = try shell("\(options) \(rest)")
                #expect(outcome.exitCode == expected, "\(rest): \(outcome.errors)")
                if expected != 0 {
                    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
                }
            }
            let changed = try shell("printf x >> a.gguf; \(options) signers")
            #expect(changed.exitCode == 65)
            let absent = try Tool.run(
                [
                    "verify", "a.gguf", "--signature", "a.gguf.sig", "--allowed-signers", "signers",
                ], in: folder, environment: ["PATH": "/nowhere"])
            #expect(absent.exitCode == 74)
            #expect(absent.errors.contains("there is no ssh-keygen"))
        }
    }

    @Test func aSignatureNeedsThoseWhoMaySign() throws {
        let outcome = try Tool.run(["verify", "a.gguf", "--signature", "a.sig"])
        #expect(outcome.exitCode == 64)
        #expect(outcome.errors.contains("--allowed-signers"))
    }
}
