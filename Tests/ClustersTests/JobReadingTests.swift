import Clusters
import Quantization
import TensorCore
import TestSupport
import Testing

@Suite("Jobs as files")
struct JobReadingTests {
    static let short = """
        output: out
        models: [../models/tiny-llama]
        types: [Q8_0, q4_k_m]
        """

    private func job(_ yaml: String) throws -> ClusterJob {
        try Fixtures.withTemporaryFolder { folder in
            try OutputFile.write(Array(yaml.utf8), to: "\(folder)/job.yaml")
            return try ClusterJob(path: "\(folder)/job.yaml")
        }
    }

    @Test("The least that a job says, and what is usual for the rest")
    func least() throws {
        let job = try job(JobReadingTests.short)
        #expect(job.name == "job")
        #expect(job.models.map(\.name) == ["tiny-llama"])
        #expect(job.models[0].path.hasSuffix("/../models/tiny-llama"))
        #expect(job.output.hasPrefix("/") && job.output.hasSuffix("/out"))
        #expect(job.types.map(\.name) == ["Q8_0", "Q4_K_M"])
        #expect(job.partCount(.quantize) == 1 && job.retries == 3 && !job.keepsParts)
        #expect(job.calibration == nil && job.report == nil)
    }

    @Test("All keys are read")
    func everything() throws {
        let job = try job(
            """
            name: night
            program: /opt/ingot
            output: /data/out
            models:
              - path: /data/a
                name: first
              - /data/b.gguf
            types: Q4_K_M
            outtype: bf16
            calibrate: {text: [/t/a.txt, b.txt], check: /t/c.txt, effort: fast, tokens: 8192}
            report: {text: /t/test.txt, context: 1024, chunks: 8, activations: q8}
            parts: {convert: 2, quantize: 16, report: 4}
            keep-parts: true
            retries: 5
            resources:
              cores: 4
              time: 04:30:00
              quantize: {memory: 64GiB, time: 90m}
            slurm: {partition: long, account: lab, parallel: 32, options: [--exclusive]}
            kubernetes:
              {image: "ingot:1", claim: data, mount: /data, namespace: lab, node-selector: {disk: fast}}
            """)
        #expect(job.name == "night" && job.program == "/opt/ingot")
        #expect(job.models.map(\.name) == ["first", "b"])
        #expect(job.calibration?.texts.first == "/t/a.txt")
        #expect(job.calibration?.effort == "fast" && job.calibration?.tokens == 8192)
        #expect(job.report?.chunks == 8 && job.report?.activations == "q8")
        #expect(job.partCount(.quantize) == 16 && job.partCount(.imatrix) == 1)
        #expect(job.usualResources.seconds == 16_200 && job.usualResources.cores == 4)
        #expect(job.resources[.quantize]?.memory == 64 << 30)
        #expect(job.resources[.quantize]?.seconds == 5400)
        #expect(job.slurm.parallel == 32 && job.slurm.options == ["--exclusive"])
        #expect(job.slurm.choices.map(\.value) == ["long", "lab"])
        #expect(job.kubernetes?.nodeSelector.first?.value == "fast")
    }

    @Test(
        "What cannot be meant is named with its line and its key",
        arguments: [
            ("", "nothing found"),
            ("output: out\ntypes: [Q8_0]", "the key models is missing"),
            ("\(short)\ntype: Q8_0", "line 4: type: there is no such key"),
            ("\(short)\nreports: {}", "Write report."),
            ("\(short)\nreport: {chunks: 3}", "line 4: report: the key text is missing"),
            ("\(short)\nreport: {text: t, chunks: -1}", "line 4: report.chunks: \"-1\" found"),
            ("\(short)\nparts: {join: 3}", "line 4: parts.join: there is no such key"),
            ("\(short)\nparts: {quantize: 100000}", "from 1 to 99999"),
            ("\(short)\nresources:\n  memory: much", "line 5: resources.memory: \"much\" found"),
            ("\(short)\nresources: {time: 1:2}", "expected a time such as"),
            ("\(short)\nslurm: {options: [exclusive]}", "line 4: slurm.options[0]"),
            ("\(short)\nkubernetes: {image: a}", "the key claim is missing"),
            ("\(short)\nname: My Job", "Write my-job."),
            ("\(short)\noutput: again", "the key output twice found"),
            ("\(short)\ncalibrate: {text: \"a,b\"}", "one without a comma"),
            ("\(short)\nimatrix: {text: t}\ncalibrate: true", "line 4: imatrix: stands beside"),
            ("output: o\nmodels: [a]\ntypes: [Q4_KM]", "line 3: types[0]: "),
            ("output: o\nmodels: [a]\ntypes: [Q8_0, q8_0]", "Q8_0 a second time"),
            ("output: o\nmodels: [x/a, y/a]\ntypes: Q8_0", "a second model called a"),
            (
                "\(short)\ncalibrate: {effort: best}\nparts: {quantize: 2}",
                "line 4: calibrate: effort best"
            ),
            ("output: [\n", "line "), ("output: \"a\\nb\"\nmodels: [a]\ntypes: Q8_0", "one line"),
            ("- a\n- b", "a list found, expected keys"),
            (String(repeating: "[", count: 5000), "line "),
            ("a: &a [x, x]\nb: &b [*a, *a]\n\(short)", "line 1: a: there is no such key"),
        ])
    func faults(yaml: String, expected: String) throws {
        let error = #expect(throws: ClusterError.self) { _ = try job(yaml) }
        #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        #expect(error?.exitCode == .badData)
    }

    @Test("Every truncation of a job is a job or a ClusterError")
    func truncations() throws {
        let yaml = JobReadingTests.short + "\nreport: {text: [a, \"b\"], chunks: 3}\n"
        for count in 0..<yaml.utf8.count {
            do { _ = try job(String(decoding: yaml.utf8.prefix(count), as: UTF8.self)) } catch {
                #expect(error is ClusterError, "\(count): \(error)")
            }
        }
    }
}
