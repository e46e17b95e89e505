import Foundation
import Quantization
import TestSupport
import Testing

/// What is declared in a file of a folder is in the registry.
@Suite struct RegistryTests {
    /// The names that the files of `folder` declare as `static let NAME = TYPE`.
    static func declared(in folder: String, as type: String) throws -> [String] {
        let path = Fixtures.projectRoot.appending(path: "Sources/Quantization/\(folder)")
        let declaration = try Regex(
            "static let (\\w+) = \(type)[(.]", as: (Substring, Substring).self)
        return try FileManager.default.contentsOfDirectory(atPath: path.path).flatMap { file in
            let text = try String(contentsOf: path.appending(path: file), encoding: .utf8)
            return text.matches(of: declaration).map { String($0.output.1) }
        }
    }

    @Test func everyRecipeIsRegistered() throws {
        let names = try Self.declared(in: "Recipes", as: "Recipe")
        #expect(Set(names) == Set(Recipe.all.map(\.name)))
    }

    @Test func everyFormatIsRegistered() throws {
        let names = try Self.declared(in: "Formats", as: "Format")
        #expect(Set(names) == Set(Format.all.map(\.name)))
        #expect(Set(Format.all.map(\.typeID)).count == Format.all.count)
    }
}
