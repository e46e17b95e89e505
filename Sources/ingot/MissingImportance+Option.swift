import ArgumentParser
import Quantization

extension MissingImportance {
    /// What `--imatrix-missing` says; by default `raise` where a matrix lacks entries and `error`
    /// without a matrix.
    init(option: String?, hasMatrix: Bool) throws {
        guard let option else {
            self = hasMatrix ? .raise : .error
            return
        }
        guard let choice = MissingImportance(rawValue: option.lowercased()) else {
            throw ValidationError("--imatrix-missing is \(option), expected raise or error")
        }
        self = choice
    }
}
