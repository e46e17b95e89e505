import Synchronization
import TensorCore
import Testing

@Suite struct WorkerPoolTests {
    @Test(arguments: [1, 2, 7])
    func runsEveryJobOnce(threadCount: Int) throws {
        let counts = Mutex([Int](repeating: 0, count: 1000))
        try WorkerPool(threadCount: threadCount).run(jobCount: 1000) { worker, job in
            #expect((0..<threadCount).contains(worker))
            counts.withLock { $0[job] += 1 }
        }
        #expect(counts.withLock { $0 } == [Int](repeating: 1, count: 1000))
    }

    private struct Stop: Error {}

    @Test func theFirstErrorStopsTheWork() {
        let done = Atomic<Int>(0)
        #expect(throws: Stop.self) {
            try WorkerPool(threadCount: 2).run(jobCount: 1_000_000) { _, job in
                if job == 10 { throw Stop() }
                done.add(1, ordering: .relaxed)
            }
        }
        #expect(done.load(ordering: .relaxed) < 1_000_000)
    }
}

@Suite struct WorkerTeamTests {
    @Test(arguments: [1, 2, 5])
    func runsEveryJobOfEveryRoundOnce(threadCount: Int) {
        let team = WorkerTeam(threadCount: threadCount)
        for round in 0..<300 {
            let jobCount = round % 7 * round % 23
            let result = SharedCounts(count: jobCount)
            team.run(jobCount: jobCount) { worker, job in
                #expect((0..<threadCount).contains(worker))
                result.add(job)
            }
            #expect(result.counts == [Int](repeating: 1, count: jobCount), "round \(round)")
        }
    }

    /// Counts that an escaping closure may hold.
    private final class SharedCounts: Sendable {
        private let values: Mutex<[Int]>
        init(count: Int) { values = Mutex([Int](repeating: 0, count: count)) }
        func add(_ job: Int) { values.withLock { $0[job] += 1 } }
        var counts: [Int] { values.withLock { $0 } }
    }
}

@Suite struct ShapeTests {
    @Test func refusesNegativeAndOverflowingDimensions() {
        #expect(Shape([2, 3])?.elementCount == 6)
        #expect(Shape([])?.elementCount == 1)
        #expect(Shape([-1, 3]) == nil)
        #expect(Shape([Int.max, 2]) == nil)
        #expect(Shape([0, 5])?.rowCount == 0)
        #expect(Shape([5, 0])?.rowCount == 0)
        #expect(Shape([4, 2, 8])?.rowCount == 8)
    }
}

@Suite struct MetadataTests {
    @Test func keepsOrderAndFindsKeys() {
        var metadata = Metadata()
        metadata["a"] = .uint32(1)
        metadata["b"] = .string("x")
        metadata["c"] = .bool(true)
        metadata["a"] = .uint32(2)
        #expect(metadata.entries.map(\.key) == ["a", "b", "c"])
        metadata.moveToEnd("a", .uint32(3))
        #expect(metadata.entries.map(\.key) == ["b", "c", "a"])
        #expect(metadata["a"]?.integer == 3)
        metadata["c"] = nil
        #expect(metadata.entries.map(\.key) == ["b", "a"])
        #expect(metadata["a"]?.integer == 3)
        #expect(metadata["b"]?.text == "x")
    }
}
