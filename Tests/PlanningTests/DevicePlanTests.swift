import GGUF
import Planning
import Quantization
import TensorCore
import Testing

/// Whether, how fast and at what price models run on devices.
struct DevicePlanTests {
    /// A model of one layer: 1000 dense parameters, and experts where asked for.
    private func model(
        experts: (count: Int, used: Int, rows: Int)? = nil, trained: UInt32 = 1024
    ) throws -> PlannedModel {
        var metadata = Metadata()
        metadata["general.architecture"] = .string("newcomer")
        metadata["newcomer.block_count"] = .uint32(1)
        metadata["newcomer.embedding_length"] = .uint32(64)
        metadata["newcomer.attention.head_count"] = .uint32(2)
        metadata["newcomer.context_length"] = .uint32(trained)
        var tensors = [
            ("token_embd.weight", [512, 64]), ("output.weight", [512, 64]),
            ("blk.0.attn_q.weight", [64, 64]),
        ]
        if let experts {
            metadata["newcomer.expert_count"] = .uint32(UInt32(experts.count))
            metadata["newcomer.expert_used_count"] = .uint32(UInt32(experts.used))
            tensors.append(("blk.0.ffn_up_exps.weight", [experts.count, experts.rows, 64]))
        }
        return try PlannedModel(
            metadata: metadata,
            tensors: tensors.map { name, shape in
                (
                    TensorDescription(
                        name: name, shape: try #require(Shape(shape)), format: .F16), Format.F16
                )
            }, path: "model")
    }

    /// A device whose efficiencies are 1, so that figures can be calculated by hand.
    private func device(
        memory: Int, bandwidth: Double = 1e6, flops: Double = 1e12, count: Int = 1,
        price: Double? = nil
    ) -> Device {
        var device = Device(
            "test", .cpu, memoryBytes: memory, bandwidth: bandwidth, flops: flops,
            reservedBytes: 0, maximumCount: count, pricePerHour: price)
        device.bandwidthEfficiency = 1
        device.computeEfficiency = 1
        return device
    }

    private let load = try? ServingLoad(inputTokens: 100, outputTokens: 100)

    @Test func aStepReadsWeightsAndCache() throws {
        let model = try model()
        let load = try #require(load)
        let shape = try ServingShape(context: 1024, slots: 4)
        let plan = try DevicePlan(model, shape, on: device(memory: 1 << 30), load: load)
        // The embeddings are looked up; 150 tokens of 2 · 64 F16 numbers are in the cache.
        let weights = Double((512 * 64 + 64 * 64) * 2)
        let text = Double(150 * 2 * 64 * 2)
        #expect(plan.fits)
        #expect(abs(1e6 / (weights + text) - (plan.singleTokensPerSecond ?? 0)) < 1e-9)
        #expect(abs((weights + 4 * text) / 1e6 - (plan.timePerOutputToken ?? 0)) < 1e-12)
        #expect(
            abs(4 * 1e6 / (weights + 4 * text) - (plan.tokensPerSecond ?? 0)) < 1e-9)
    }

    @Test func aSlowProcessorComputesForLongerThanItReads() throws {
        let model = try model()
        let plan = try DevicePlan(
            model, ServingShape(context: 256), on: device(memory: 1 << 30, flops: 1e3),
            load: #require(load))
        #expect(plan.timePerOutputToken == 2 * Double(512 * 64 + 64 * 64) / 1e3)
    }

    @Test func aBatchReadsMoreExperts() throws {
        let work = try model(experts: (8, 2, 16)).work
        #expect(work.expertShare(batch: 1) == 0.25)
        #expect(abs(work.expertShare(batch: 2) - (1 - 0.75 * 0.75)) < 1e-12)
        #expect(work.expertByteCount == 8 * 16 * 64 * 2)
        #expect(work.activeParameterCount == Double(512 * 64 + 64 * 64 + 2 * 16 * 64))
        #expect(work.readByteCount(batch: 1 << 40) == Double(work.byteCount - 512 * 64 * 2))
    }

    /// Tensors whose names are those of no block count for all of them.
    @Test(arguments: ["blk", "blk.", "blk.x", "blk.0", "other.7.weight"])
    func namesWithoutABlockAreCounted(name: String) throws {
        let tensors = ["blk.0.attn_q.weight", "blk.1.attn_q.weight", name]
        var metadata = Metadata()
        metadata["general.architecture"] = .string("newcomer")
        for (key, value) in [
            ("block_count", 1), ("embedding_length", 64), ("attention.head_count", 2),
            ("context_length", 64),
        ] { metadata["newcomer.\(key)"] = .uint32(UInt32(value)) }
        let model = try PlannedModel(
            metadata: metadata,
            tensors: tensors.map { name in
                (
                    TensorDescription(
                        name: name, shape: try #require(Shape([64, 64])), format: .F16),
                    Format.F16
                )
            }, path: "model")
        // That of the second block is stored, and not computed with.
        #expect(model.work.activeParameterCount == 2 * 64 * 64)
        #expect(model.work.byteCount == 3 * 64 * 64 * 2)
    }

    @Test func theLargestContextIsTheLast() throws {
        let model = try model(trained: 8192)
        let shape = try ServingShape(context: 256)
        for room in stride(from: 100_000, through: 4_000_000, by: 137_000) {
            let plan = try DevicePlan(
                model, shape, on: device(memory: room), load: #require(load))
            guard let context = plan.largestContext else {
                #expect(try MemoryNeed(model, shape).total > room)
                continue
            }
            #expect(try MemoryNeed(model, shape.with(context: context)).total <= room)
            if context < 8192 {
                #expect(try MemoryNeed(model, shape.with(context: context + 256)).total > room)
            }
        }
    }

    @Test func theSmallestNumberOfDevicesIsTaken() throws {
        let model = try model()
        let shape = try ServingShape(context: 256)
        let need = try MemoryNeed(model, shape)
        let half = (need.weights + need.cache + need.states + 1) / 2 + need.compute
        let exact = try DevicePlan(
            model, shape, on: device(memory: need.total, count: 8), load: #require(load))
        #expect(exact.fits && exact.count == 1)
        let two = try DevicePlan(
            model, shape, on: device(memory: half + 1, count: 8), load: #require(load))
        #expect(two.fits && two.count == 2)
        // Two heads cannot be shared out over four devices.
        let none = try DevicePlan(
            model, shape, on: device(memory: half / 2, count: 8), load: #require(load))
        #expect(!none.fits && none.count == 2 && none.tokensPerSecond == nil)
    }

    @Test func replicasFollowFromTheLoad() throws {
        let model = try model()
        let load = try ServingLoad(
            requestsPerSecond: 100, inputTokens: 100, outputTokens: 100,
            timePerOutputToken: 0.3)
        let plan = try DevicePlan(
            model, ServingShape(context: 512), on: device(memory: 1 << 30, price: 2), load: load)
        let planned = try #require(plan.load)
        // 73728 bytes of weights and 38400 of each text in 0.3 s at 1 MB/s: five texts.
        #expect(planned.slots == 5 && planned.limitedBy == "time per output token")
        #expect(planned.meetsLimits)
        let busy = planned.timeToFirstToken + 100 * planned.timePerOutputToken / 5
        #expect(abs(planned.requestsPerSecond - 1 / busy) < 1e-9)
        #expect(planned.replicas == Int((100 * busy).rounded(.up)))
        #expect(planned.pricePerMonth == Double(planned.replicas ?? 0) * 2 * 730)
        let slotSeconds = 100 * (planned.timeToFirstToken + 100 * planned.timePerOutputToken)
        #expect(planned.replicasBySlots == Int((slotSeconds / 5).rounded(.up)))
    }

    @Test func limitsThatCannotBeKeptAreSaid() throws {
        let load = try ServingLoad(inputTokens: 100, outputTokens: 100, timePerOutputToken: 1e-6)
        let plan = try DevicePlan(
            model(), ServingShape(context: 512), on: device(memory: 1 << 30), load: load)
        #expect(plan.load?.slots == 1)
        #expect(plan.load?.meetsLimits == false)
        // A time of the limit keeps it.
        func meets(_ factor: Double, _ time: KeyPath<LoadPlan, Double>) throws -> Bool? {
            let limit = try #require(plan.load?[keyPath: time]) * factor
            let isFirst = time == \LoadPlan.timeToFirstToken
            let load = try ServingLoad(
                inputTokens: 100, outputTokens: 100, timeToFirstToken: isFirst ? limit : nil,
                timePerOutputToken: isFirst ? nil : limit)
            return try DevicePlan(
                model(), ServingShape(context: 512), on: device(memory: 1 << 30), load: load
            ).load?.meetsLimits
        }
        for time in [\LoadPlan.timeToFirstToken, \LoadPlan.timePerOutputToken] {
            #expect(try meets(1, time) == true && meets(0.999, time) == false)
        }
    }

    @Test(arguments: [-1, 0, .nan, .infinity, 1e12])
    func absurdRatesAreRefused(_ rate: Double) {
        #expect(throws: PlanningError.self) { try ServingLoad(requestsPerSecond: rate) }
    }

    @Test func enginesFollowTheTree() throws {
        let gpu = try HardwareTable.builtIn.device(named: "NVIDIA H100")
        let many = EngineAdvice(
            device: gpu, users: 32, form: .checkpoint, keepsStates: false, isRunByIngot: true)
        #expect(many.choices.first?.engine == "vLLM")
        #expect(many.choices.contains { $0.engine == "TensorRT-LLM" })
        let single = EngineAdvice(
            device: gpu, users: 1, form: .gguf, keepsStates: false, isRunByIngot: true)
        #expect(single.choices.first?.engine == "llama.cpp")
        let cpu = EngineAdvice(
            device: device(memory: 1), users: 32, form: .gguf, keepsStates: true,
            isRunByIngot: true)
        #expect(cpu.choices.map(\.engine) == ["llama.cpp", "Ollama", "Ingot"])
        let amd = EngineAdvice(
            device: try HardwareTable.builtIn.device(named: "mi300x"), users: 32, form: .gguf,
            keepsStates: false, isRunByIngot: true)
        #expect(amd.obstacles.contains { $0.engine == "TensorRT-LLM" })
    }
}
