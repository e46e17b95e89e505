internal import CKernels

extension FeedbackPanels {
    /// Goes through all columns again, each to the level that is best for what all others are now,
    /// those behind it too: coordinate descent on ΔW H ΔWᵀ with scales and minimums as they are.
    func descend(_ passCount: Int) {
        let hessian = factor.hessian
        hessian.withUnsafeBufferPointer { hessian in
            guard let hessian = hessian.baseAddress else { return }
            makeGradients(hessian)
            for _ in 0..<passCount {
                for start in stride(from: 0, to: columnCount, by: Self.stretchLength) {
                    let columns = start..<min(start + Self.stretchLength, columnCount)
                    for panel in 0..<panelCount { descend(panel, columns, hessian) }
                    subtractChanges(columns, hessian)
                }
            }
        }
    }

    /// Puts (weights - rounded) · H where the weights were; they are not needed any more.
    private func makeGradients(_ hessian: UnsafePointer<Float>) {
        let (width, length) = (Self.width, feedback.groupLength)
        for panel in 0..<panelCount {
            for column in 0..<columnCount {
                let group = part(panel, columnCount / length, at: column / length)
                let place = part(panel, columnCount, at: column)
                for lane in 0..<width {
                    let value = scales[group + lane] * levels[place + lane] - minimums[group + lane]
                    originals[place + lane] = value - originals[place + lane]
                }
            }
        }
        weights.withUnsafeMutableBufferPointer { gradients in
            gradients.update(repeating: 0)
            originals.withUnsafeBufferPointer { differences in
                for strip in stride(from: 0, to: columnCount, by: 64) {
                    for panel in 0..<panelCount {
                        _ = ingot_panel_subtract(
                            isa, differences.baseAddress! + part(panel, columnCount), columnCount,
                            hessian + strip, columnCount, min(64, columnCount - strip),
                            gradients.baseAddress! + part(panel, columnCount, at: strip))
                    }
                }
            }
        }
    }

    private func descend(_ panel: Int, _ columns: Range<Int>, _ hessian: UnsafePointer<Float>) {
        let start = columns.lowerBound
        let group = part(
            panel, columnCount / feedback.groupLength, at: start / feedback.groupLength)
        let place = part(panel, columnCount, at: start)
        weights.withUnsafeMutableBufferPointer { gradients in
            levels.withUnsafeMutableBufferPointer { levels in
                errors.withUnsafeMutableBufferPointer { changes in
                    scales.withUnsafeBufferPointer { scales in
                        minimums.withUnsafeBufferPointer { minimums in
                            _ = ingot_feedback_descend(
                                isa, &form, hessian + start * columnCount + start, columnCount,
                                columns.count, scales.baseAddress! + group,
                                minimums.baseAddress! + group, levels.baseAddress! + place,
                                gradients.baseAddress! + place,
                                changes.baseAddress! + part(panel, Self.stretchLength))
                        }
                    }
                }
            }
        }
    }

    /// Tells all other columns what a stretch's changes mean for them.
    private func subtractChanges(_ columns: Range<Int>, _ hessian: UnsafePointer<Float>) {
        let rows = hessian + columns.lowerBound * columnCount
        weights.withUnsafeMutableBufferPointer { gradients in
            errors.withUnsafeBufferPointer { changes in
                for strip in stride(from: 0, to: columnCount, by: 64)
                where !columns.contains(strip) {
                    for panel in 0..<panelCount {
                        _ = ingot_panel_subtract(
                            isa, changes.baseAddress! + part(panel, Self.stretchLength),
                            columns.count, rows + strip, columnCount, min(64, columnCount - strip),
                            gradients.baseAddress! + part(panel, columnCount, at: strip))
                    }
                }
            }
        }
    }
}
