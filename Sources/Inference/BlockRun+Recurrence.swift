import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension BlockRun {
    /// Takes the rows through a recurrence, up to what its output projection takes in; of these only
    /// those that are wanted stay, moved together.
    func recur(_ plan: RecurrencePlan, _ normed: UnsafePointer<Float>) {
        linear.apply(
            plan.input, to: normed, rows: rowCount, into: workspace.wide.base,
            strides: (width, plan.input.outputs))
        switch plan.description.kind {
        case .shortConvolution: convolveGated(plan)
        case .deltaRule(let rule): applyDeltaRule(plan, rule)
        case .selectiveScan(let scan): applyScan(plan, scan)
        case .stateSpace(let space): applyStateSpace(plan, space)
        }
        guard queries.count < windowLength else { return }
        let length = plan.output.inputs
        for window in 0..<windowCount {
            let from = (window * windowLength + queries.lowerBound) * length
            (workspace.heads.base + window * queries.count * length)
                .update(from: workspace.heads.base + from, count: queries.count * length)
        }
    }

    /// The rows of a window, and those of the recurrence's result.
    private func rows(
        ofWindow window: Int, of plan: RecurrencePlan
    ) -> (wide: UnsafeMutablePointer<Float>, result: UnsafeMutablePointer<Float>) {
        (
            workspace.wide.base + window * windowLength * plan.input.outputs,
            workspace.heads.base + window * windowLength * plan.output.inputs
        )
    }

    /// Convolves the channels that start at `rows`, and keeps the rows that later positions look
    /// back on.
    private func convolve(_ plan: RecurrencePlan, _ rows: UnsafeMutablePointer<Float>) {
        let stride = plan.input.outputs
        let channels = plan.channelCount
        if let state {
            let kept = plan.length - 1
            for index in 0..<kept {
                let source = windowLength - kept + index
                // A short stretch leaves some of the rows from before.
                let row =
                    source >= 0
                    ? UnsafePointer(rows + source * stride)
                    : state.base + (source + kept) * channels
                (state.next + index * channels).update(from: row, count: channels)
            }
        }
        ingot_convolve(
            rows, windowLength, stride, channels, weights + plan.convolution, plan.length,
            plan.convolutionBias.map { weights + $0 }, state?.base)
    }

    /// The state of a window in a text's or the workspace's memory, as it is before the window.
    private func state(of plan: RecurrencePlan) -> UnsafeMutablePointer<Float> {
        guard let state else {
            workspace.state.base.update(repeating: 0, count: plan.stateCount)
            return workspace.state.base
        }
        let next = state.next + plan.pastCount
        next.update(from: state.base + plan.pastCount, count: plan.stateCount)
        return next
    }

    private func convolveGated(_ plan: RecurrencePlan) {
        let stride = plan.input.outputs
        let channels = plan.channelCount
        for window in 0..<windowCount {
            let (wide, result) = rows(ofWindow: window, of: plan)
            for index in 0..<windowLength {
                let row = wide + index * stride
                for channel in 0..<channels { row[channel] *= row[2 * channels + channel] }
            }
            convolve(plan, wide)
            for index in 0..<windowLength {
                let row = wide + index * stride
                let output = result + index * channels
                for channel in 0..<channels {
                    output[channel] = row[channel] * row[channels + channel]
                }
            }
        }
    }

    // MARK: Delta rule

    private func applyDeltaRule(_ plan: RecurrencePlan, _ rule: BlockDescription.DeltaRule) {
        let stride = plan.input.outputs
        for window in 0..<windowCount {
            let (wide, result) = rows(ofWindow: window, of: plan)
            convolve(plan, wide)
            for index in 0..<windowLength {
                let row = wide + index * stride
                ingot_silu(row, nil, rule.channelCount)
                for head in 0..<rule.keyHeadCount {
                    let query = row + head * rule.keyLength
                    scaleToUnit(query, rule.keyLength, by: 1 / Float(rule.keyLength).squareRoot())
                    scaleToUnit(query + rule.keyWidth, rule.keyLength, by: 1)
                }
            }
            let state = state(of: plan)
            for head in 0..<rule.valueHeadCount {
                walk(
                    plan, rule, head: head, wide, result,
                    state: state + head * rule.keyLength * rule.valueLength)
            }
        }
    }

    /// One value head from position to position.
    private func walk(
        _ plan: RecurrencePlan, _ rule: BlockDescription.DeltaRule, head: Int,
        _ wide: UnsafeMutablePointer<Float>, _ result: UnsafeMutablePointer<Float>,
        state: UnsafeMutablePointer<Float>
    ) {
        let stride = plan.input.outputs
        let gates = rule.channelCount + rule.valueWidth
        let shared = rule.valueHeadCount / rule.keyHeadCount
        let (keyHead, alpha, beta) =
            switch rule.sharing {
            case .neighbours:
                (
                    head / shared, gates + (head / shared * 2 + 1) * shared + head % shared,
                    gates + head / shared * 2 * shared + head % shared
                )
            case .turns:
                (head % rule.keyHeadCount, gates + head, gates + rule.valueHeadCount + head)
            }
        let (decay, bias) = (
            weights[(plan.decay ?? 0) + head], weights[(plan.stepBias ?? 0) + head]
        )
        let spare = workspace.state.base + plan.stateCount
        for index in 0..<windowLength {
            let row = wide + index * stride
            let query = row + keyHead * rule.keyLength
            let output = result + index * rule.valueWidth + head * rule.valueLength
            ingot_delta_step(
                state, query, query + rule.keyWidth,
                row + 2 * rule.keyWidth + head * rule.valueLength,
                exp(decay * softplus(row[alpha] + bias)), ExpertChoice.sigmoid(row[beta]),
                rule.keyLength, rule.valueLength, spare, output)
            plan.norm?.apply(weights, output, into: output)
            let gate = row + rule.channelCount + head * rule.valueLength
            // silu(gate) takes the gate's place, times what it lets through.
            ingot_silu(gate, output, rule.valueLength)
            output.update(from: gate, count: rule.valueLength)
        }
    }

    /// Scales a query or key to a length, as far as it is not next to nothing.
    private func scaleToUnit(
        _ values: UnsafeMutablePointer<Float>, _ count: Int, by factor: Float
    ) {
        var power: Float = 0
        for index in 0..<count { power += values[index] * values[index] }
        ingot_scale(values, factor / (power + 1e-6).squareRoot(), count)
    }

    // MARK: Selective scan

    private func applyScan(_ plan: RecurrencePlan, _ scan: BlockDescription.SelectiveScan) {
        guard let parameters = plan.parameters, let steps = plan.steps, let decay = plan.decay,
            let skip = plan.skip
        else { preconditionFailure("a scan without its matrices") }
        let stride = plan.input.outputs
        let channels = plan.channelCount
        let rank = scan.steps.inputs
        for window in 0..<windowCount {
            let (wide, result) = rows(ofWindow: window, of: plan)
            convolve(plan, wide)
            for index in 0..<windowLength { ingot_silu(wide + index * stride, nil, channels) }
            let short = workspace.latent.base
            linear.apply(
                parameters, to: wide, rows: windowLength, into: short,
                strides: (stride, parameters.outputs))
            linear.apply(
                steps, to: short, rows: windowLength, into: result,
                strides: (parameters.outputs, channels))
            let state = state(of: plan)
            for index in 0..<windowLength {
                let row = wide + index * stride
                let output = result + index * channels
                for channel in 0..<channels { output[channel] = softplus(output[channel]) }
                let input = short + index * parameters.outputs + rank
                ingot_scan_step(
                    state, weights + decay, input, input + scan.stateLength, output, row, channels,
                    scan.stateLength, output)
                for channel in 0..<channels {
                    output[channel] += weights[skip + channel] * row[channel]
                }
                ingot_silu(row + channels, output, channels)
                output.update(from: row + channels, count: channels)
            }
        }
    }

    // MARK: State space

    private func applyStateSpace(_ plan: RecurrencePlan, _ space: BlockDescription.StateSpace) {
        guard let decay = plan.decay, let bias = plan.stepBias, let skip = plan.skip else {
            preconditionFailure("a state space without its tensors")
        }
        let stride = plan.input.outputs
        let (width, length) = (space.width, space.headLength)
        let groupWidth = width / space.groupCount
        for window in 0..<windowCount {
            let (wide, result) = rows(ofWindow: window, of: plan)
            convolve(plan, wide + width)
            let state = state(of: plan)
            for index in 0..<windowLength {
                let gate = wide + index * stride
                let values = gate + width
                ingot_silu(values, nil, space.channelCount)
                let output = result + index * width
                for head in 0..<space.headCount {
                    let group = head / (space.headCount / space.groupCount)
                    let input = values + width + group * space.stateLength
                    let step = softplus(values[space.channelCount + head] + weights[bias + head])
                    ingot_state_step(
                        state + head * length * space.stateLength,
                        exp(step * weights[decay + head]), step, weights[skip + head],
                        values + head * length, input,
                        input + space.groupCount * space.stateLength, length, space.stateLength,
                        output + head * length)
                }
                // silu(gate) takes the gate's place, times what it lets through.
                ingot_silu(gate, output, width)
                for group in 0..<space.groupCount {
                    let place = group * groupWidth
                    if let norm = plan.norm {
                        norm.apply(weights, gate + place, into: output + place, head: group)
                    } else {
                        (output + place).update(from: gate + place, count: groupWidth)
                    }
                }
            }
        }
    }

    /// `ln(1 + eˣ)`.
    private func softplus(_ x: Float) -> Float { x > 20 ? x : log1p(exp(x)) }
}
