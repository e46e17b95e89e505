extension ChoiceTaskForm {
    /// `count` of the tasks, the same that llama.cpp's `llama-perplexity` selects, in its order; all
    /// in file order when there are no more.
    ///
    /// (For HellaSwag that is what it selects when built with GCC 11 or later on Linux.)
    public func selection(of tasks: [ChoiceTask], count: Int?) -> [ChoiceTask] {
        guard let count, count >= 1, count < tasks.count else { return tasks }
        var random = MersenneTwister(seed: 1)
        var left = Array(tasks.indices)
        return (0..<count).map { _ in
            if self == .hellaswag {
                return tasks[left.remove(at: random.uniform(below: left.count))]
            }
            let share = Float(1) / 4_294_967_296 * Float(random.next()) * Float(left.count)
            let place = min(Int(share), left.count - 1)
            let index = left[place]
            left[place] = left[left.count - 1]
            left.removeLast()
            return tasks[index]
        }
    }
}

/// The generator `mt19937` of the C++ standard library.
///
/// Source: M. Matsumoto and T. Nishimura, Mersenne Twister, ACM TOMACS 8(1), 1998.
struct MersenneTwister {
    private var state: [UInt32]
    private var place = 624

    init(seed: UInt32) {
        state = [seed]
        for index in 1..<624 {
            let last = state[index - 1]
            state.append((last ^ (last >> 30)) &* 1_812_433_253 &+ UInt32(index))
        }
    }

    mutating func next() -> UInt32 {
        if place == 624 {
            for index in 0..<624 {
                let joined =
                    (state[index] & 0x8000_0000) | (state[(index + 1) % 624] & 0x7FFF_FFFF)
                state[index] =
                    state[(index + 397) % 624] ^ (joined >> 1)
                    ^ (joined & 1 == 0 ? 0 : 0x9908_B0DF)
            }
            place = 0
        }
        var value = state[place]
        place += 1
        value ^= value >> 11
        value ^= (value << 7) & 0x9D2C_5680
        value ^= (value << 15) & 0xEFC6_0000
        return value ^ (value >> 18)
    }

    /// A number in `0 ..< bound`, as libstdc++'s `uniform_int_distribution` makes it.
    ///
    /// Source: Lemire, Fast Random Integer Generation in an Interval, ACM TOMACS 29(1), 2019.
    mutating func uniform(below bound: Int) -> Int {
        let range = UInt32(truncatingIfNeeded: bound)
        var product = UInt64(next()) * UInt64(range)
        if UInt32(truncatingIfNeeded: product) < range {
            let threshold = (0 &- range) % range
            while UInt32(truncatingIfNeeded: product) < threshold {
                product = UInt64(next()) * UInt64(range)
            }
        }
        return Int(product >> 32)
    }
}
