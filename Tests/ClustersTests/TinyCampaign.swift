import Clusters
import TensorCore
import TestSupport
import Yams

/// A campaign of the fixtures' tiny model in a temporary folder.
struct TinyCampaign {
    /// The folder of everything.
    let folder: String
    /// The campaign's own folder.
    let campaign: CampaignFolder
    let job: ClusterJob

    /// The job's text; pods see `folder`.
    static func yaml(_ folder: String, _ more: String = "") -> String {
        """
        name: tiny
        program: \(folder)/ingot
        output: \(folder)/out
        models: [{path: \(folder)/model, name: m}]
        types: [Q8_0, Q4_0]
        outtype: f16
        report: {text: \(folder)/text.txt, chunks: 2}
        parts: {convert: 2, quantize: 3}
        slurm: {partition: long, parallel: 2, options: [--exclusive]}
        kubernetes: {image: "ingot:1", claim: data, mount: \(folder), namespace: lab}
        \(more)
        """
    }

    /// Copies the model and reads the job.
    init(_ folder: String, _ more: String = "") throws {
        self.folder = folder
        try Directory.create(folder + "/model")
        let source = Fixtures.path("tiny-llama")
        for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
        {
            try OutputFile.write(
                InputFile.contents(path: "\(source)/\(name)"), to: "\(folder)/model/\(name)")
        }
        try OutputFile.write(Array("some text".utf8), to: folder + "/text.txt")
        try OutputFile.write(
            Array(TinyCampaign.yaml(folder, more).utf8), to: folder + "/job.yaml")
        campaign = CampaignFolder(path: folder + "/campaign")
        job = try ClusterJob(path: folder + "/job.yaml")
    }

    /// Writes the campaign's folder.
    @discardableResult
    func write(_ engine: CampaignFolder.Engine = .slurm) throws -> [String] {
        try campaign.write(Campaign(job), job: job, engine: engine)
    }

    /// A file of the campaign's folder.
    func text(_ name: String) throws -> String {
        String(decoding: try InputFile.contents(path: "\(campaign.path)/\(name)"), as: UTF8.self)
    }

    /// Puts a file anywhere below the folder.
    func put(_ text: String, _ name: String) throws {
        let path = "\(folder)/\(name)"
        try Directory.create(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        try OutputFile.write(Array(text.utf8), to: path)
    }
}
