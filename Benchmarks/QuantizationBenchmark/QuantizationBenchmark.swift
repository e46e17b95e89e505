// Tables of the block formats for docs/: how fast they are, and what they lose.
//
// `scripts/bench quantize` and `scripts/bench errors` run it.
import Quantization
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@main
struct QuantizationBenchmark {
    static func main() throws {
        do {
            try InstructionSet.checkRequest()
            let words = Array(CommandLine.arguments.dropFirst())
            switch words.first {
            case "speed": Speed.printTable(of: Array(words.dropFirst()))
            case "errors":
                try Errors.printTable(
                    model: words.dropFirst().first, importance: words.dropFirst(2).first)
            default:
                print("usage: QuantizationBenchmark speed [FORMAT …]")
                print("       QuantizationBenchmark errors [MODEL-F16.gguf [IMATRIX.gguf]]")
            }
        } catch let error as any IngotError {
            print("error: \(error)")
            exit(error.exitCode.rawValue)
        }
    }
}
