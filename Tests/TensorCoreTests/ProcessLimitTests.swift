import Foundation
import TensorCore
import TestSupport
import Testing

/// What control groups of either version allow, read from a folder that looks like the kernel's.
@Suite struct ControlGroupTests {
    private func group(
        in folder: String, cgroup: String, mounts: String, files: [String: String]
    ) throws -> ControlGroup {
        var files = files
        files["proc/cgroup"] = cgroup
        files["proc/mountinfo"] = mounts.replacing("ROOT", with: folder)
        for (name, text) in files {
            let path = URL(filePath: folder).appending(path: name)
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
            try OutputFile.write(Array((text + "\n").utf8), to: path.path)
        }
        return ControlGroup(process: folder + "/proc")
    }

    @Test func theGroupsAroundCountToo() throws {
        try Fixtures.withTemporaryFolder { folder in
            let found = try group(
                in: folder, cgroup: "0::/a/b",
                mounts: "30 23 0:26 / ROOT/fs rw,relatime shared:4 - cgroup2 cgroup2 rw",
                files: [
                    "fs/a/b/cpu.max": "max 100000", "fs/a/cpu.max": "250000 100000",
                    "fs/a/b/memory.max": "max", "fs/a/memory.max": "1073741824",
                    "fs/a/memory.stat": "anon 4096\nfile 900000000",
                ])
            #expect(found.processorQuota == 2.5)
            #expect(found.memoryLimit == 1 << 30)
            #expect(found.heldMemory == 4096)
        }
    }

    @Test func versionOneHasAFolderForEachController() throws {
        try Fixtures.withTemporaryFolder { folder in
            let found = try group(
                in: folder, cgroup: "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n1:name=systemd:/",
                mounts: """
                    41 30 0:36 /docker/1 ROOT/cpu rw - cgroup cgroup rw,cpu,cpuacct
                    42 30 0:37 /docker/1 ROOT/memory rw - cgroup cgroup rw,memory
                    """,
                files: [
                    "cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000",
                    "memory/memory.limit_in_bytes": "536870912",
                    "memory/memory.stat": "cache 1\ntotal_rss 8192",
                ])
            #expect(found.processorQuota == 0.5)
            #expect(found.memoryLimit == 512 << 20)
            #expect(found.heldMemory == 8192)
        }
    }

    @Test func noLimitIsTold() throws {
        try Fixtures.withTemporaryFolder { folder in
            let found = try group(
                in: folder, cgroup: "2:memory:/\n1:cpu:/\n0::/",
                mounts: """
                    41 30 0:36 / ROOT/cpu rw - cgroup cgroup rw,cpu
                    42 30 0:37 / ROOT/memory rw - cgroup cgroup rw,memory
                    """,
                files: [
                    "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000",
                    "memory/memory.limit_in_bytes": "9223372036854771712",
                ])
            #expect(found.processorQuota == nil)
            #expect(found.memoryLimit == nil)
        }
        let nowhere = ControlGroup(process: "/no/such/folder")
        #expect(nowhere.processorQuota == nil && nowhere.memoryLimit == nil)
    }

    @Test func processorsAreAtLeastOne() {
        #expect(ProcessLimits.processorCount >= 1)
        #expect(WorkerPool().threadCount == ProcessLimits.processorCount)
    }
}

@Suite struct RetryingTests {
    @Test func interruptedCallsAreMadeAgainAndOthersAreNot() {
        var calls = 0
        let result: Int = retrying {
            calls += 1
            errno = EINTR
            return calls < 4 ? -1 : 7
        }
        #expect(result == 7 && calls == 4)
        calls = 0
        let failed: Int32 = retrying {
            calls += 1
            errno = EIO
            return -1
        }
        #expect(failed == -1 && calls == 1)
    }
}
