// Prints the public API of a Swift module, a line for each declaration, from the symbol graph that the compiler wrote.
import Foundation

struct Graph: Decodable {
  struct Symbol: Decodable {
    struct Identifier: Decodable { let precise: String }
    struct Fragment: Decodable { let spelling: String }
    let identifier: Identifier
    let pathComponents: [String]
    let declarationFragments: [Fragment]
    let accessLevel: String
  }
  let symbols: [Symbol]
}

let data = try Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[1]))
let lines = try JSONDecoder().decode(Graph.self, from: data).symbols
  .filter { ["public", "open"].contains($0.accessLevel) && !$0.identifier.precise.contains("::SYNTHESIZED::") }
  .map { symbol in
    let declaration = symbol.declarationFragments.map(\.spelling).joined()
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return "\(symbol.pathComponents.joined(separator: ".")): \(declaration)"
  }
print(Set(lines).sorted().joined(separator: "\n"))
