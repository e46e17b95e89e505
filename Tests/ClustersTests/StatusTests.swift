import Clusters
import Parts
import TensorCore
import TestSupport
import Testing

@Suite("How far a campaign is")
struct StatusTests {
    private func withCampaign(_ body: (TinyCampaign) throws -> Void) throws {
        try Fixtures.withTemporaryFolder { folder in
            let campaign = try TinyCampaign(folder)
            try campaign.write()
            try body(campaign)
        }
    }

    private func manifest(_ name: String, bytes: Int, seconds: Double) throws -> PartManifest {
        PartManifest(
            command: "quantize", part: try #require(PartNumber(1, of: 3)), version: "0", plan: "",
            sources: [], files: [.init(name: name, byteCount: bytes, sha256: "")],
            share: .init(what: "tensors"), seconds: seconds)
    }

    @Test("Nothing is known at first")
    func start() throws {
        try withCampaign { campaign in
            let status = try CampaignStatus(campaign.campaign)
            #expect(status.stages.map { $0.count(.waiting) } == [2, 1, 6, 2, 1])
            #expect(!status.isComplete && !status.hasFailed && status.secondsLeft > 0)
            #expect(status.stages[2].missing == [1, 2, 3, 4, 5, 6])
        }
    }

    @Test("Parts are done by their manifests, all parts by the output")
    func done() throws {
        try withCampaign { campaign in
            let part = "m-Q8_0.gguf.part-00001-of-00003"
            try campaign.put("12345", "out/m/\(part)")
            try manifest(part, bytes: 5, seconds: 40).write(
                to: "\(campaign.folder)/out/m/\(part).manifest.json")
            try campaign.put("", "out/m/m-Q4_0.gguf")
            let status = try CampaignStatus(campaign.campaign)
            #expect(status.stages[2].missing == [2, 3])
            #expect(status.stages[2].taskSeconds == 40)
            #expect(status.stages[3].missing == [1])
        }
    }

    @Test("A part that is not as its manifest says has failed, and why")
    func damaged() throws {
        try withCampaign { campaign in
            let part = "m-Q8_0.gguf.part-00001-of-00003"
            let path = "out/m/\(part).manifest.json"
            try campaign.put("12345", "out/m/\(part)")
            try manifest(part, bytes: 6, seconds: 1).write(to: "\(campaign.folder)/\(path)")
            let written = String(
                decoding: try InputFile.contents(path: "\(campaign.folder)/\(path)"), as: UTF8.self)
            for (text, expected) in [
                (written, "its manifest says 6"),
                (written.replacing("quantize", with: "convert"), "not as it was written"),
                ("{", path),
            ] {
                try campaign.put(text, path)
                let status = try CampaignStatus(campaign.campaign)
                #expect(status.hasFailed && status.stages[2].count(.failed) == 1)
                #expect(status.stages[2].remarks.first?.reason.contains(expected) == true)
            }
        }
    }

    @Test("Failed, to be tried again, running")
    func records() throws {
        try withCampaign { campaign in
            let state = "campaign/state/03-m-quantize"
            try campaign.put(
                #"{"host": "n1", "attempt": 4, "exit": 74, "again": false}"#, "\(state)/1.failed")
            try campaign.put("a\nno space left\n", "campaign/logs/03-m-quantize-1.log")
            try campaign.put(
                #"{"host": "n2", "attempt": 1, "exit": 74, "again": true}"#, "\(state)/2.failed")
            try campaign.put(#"{"host": "n3", "attempt": 1}"#, "\(state)/3.running")
            let status = try CampaignStatus(campaign.campaign)
            let stage = status.stages[2]
            #expect(stage.states.prefix(3) == [.failed, .retrying, .running])
            #expect(stage.remarks[0].reason == "exit code 74: no space left")
            #expect(stage.remarks[1].host == "n2")
            #expect(status.json["stages"]?.array?[2]["failed"]?.integer == 1)
            #expect(status.json["failed"]?.boolean == true)
        }
    }

    @Test("Lists that were changed so that they are none are named")
    func lists() throws {
        try withCampaign { campaign in
            try campaign.put("one two three\n", "campaign/stages/03-m-quantize.tasks")
            let error = #expect(throws: ClusterError.self) { try CampaignStatus(campaign.campaign) }
            #expect(error?.place == "line 1")
            try campaign.put("{}", "campaign/campaign.json")
            #expect(throws: ClusterError.self) { try CampaignStatus(campaign.campaign) }
        }
    }
}
