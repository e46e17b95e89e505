import Checkpoints
import Testing

/// The registry.
@Suite struct FormTests {
    @Test func namesAreUnique() {
        let names = CheckpointForm.all.flatMap { [$0.name] + $0.aliases }
        #expect(Set(names).count == names.count)
    }

    @Test func groupSizesAreNamed() {
        #expect(CheckpointForm.named("w4a16_g64")?.scope == .group(64))
        #expect(CheckpointForm.named("W4A16_ASYM_G32")?.form.name == "W4A16_ASYM")
        #expect(CheckpointForm.named("W4A16_CHANNEL")?.scope == .channel)
        #expect(CheckpointForm.named("FP8_G64") == nil)
        #expect(CheckpointForm.named("Q4_K_M") == nil)
    }
}
