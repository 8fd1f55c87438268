// fake-portal as a process of its own: Portal over real TLS on loopback, and the app's backend beside it.
import Foundation
import PortalSessionKit
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Ends with the test, as it watches its standard input.
final class FakePortal: Sendable {
  let url: URL
  let session: URLSession
  private let apiKey: String
  private let input: Pipe
  private let process: Process

  init(_ options: String...) throws {
    let program = try Self.program()
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "fake-portal-\(UUID().uuidString)", isDirectory: true)
    process = Process()
    process.executableURL = program
    process.arguments = ["--port", "0", "--tls-dir", folder.path, "--manual-clock", "--exit-with-stdin"] + options
    input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()

    struct Ready: Decodable {
      let url: URL
      let caFile: String
      let apiKey: String
    }
    let line = try #require(Self.firstLine(of: output.fileHandleForReading), "fake-portal did not start")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let ready = try decoder.decode(Ready.self, from: line)
    url = ready.url
    apiKey = ready.apiKey
    #if os(Linux)
      try Self.trust(ready.caFile)
      session = URLSession(configuration: .ephemeral)
    #else
      session = URLSession(configuration: .ephemeral, delegate: try Trust(ready.caFile), delegateQueue: nil)
    #endif
  }

  deinit {
    session.invalidateAndCancel()
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  private static func firstLine(of file: FileHandle) -> Data? {
    var line = Data()
    while let byte = try? file.read(upToCount: 1), !byte.isEmpty {
      if byte == Data("\n".utf8) { return line }
      line += byte
    }
    return nil
  }

  /// URLSession on Linux trusts what stands in the system's file, and reads it once for each URLSession.
  private static func trust(_ certificate: String) throws {
    let file = try #require(
      ProcessInfo.processInfo.environment["PORTAL_SESSION_TRUST_FILE"],
      "name the file of trusted certificates, which the test writes to, in PORTAL_SESSION_TRUST_FILE (toolchains/swift.sh does)"
    )
    try Data(contentsOf: URL(fileURLWithPath: certificate)).write(to: URL(fileURLWithPath: file))
  }

  private static func program() throws -> URL {
    let variable = ProcessInfo.processInfo.environment["PORTAL_SESSION_FAKE_PORTAL"]
    let built = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../../../build/release/bin/fake-portal").standardized
    let program = variable.map { URL(fileURLWithPath: $0) } ?? built
    try #require(
      FileManager.default.isExecutableFile(atPath: program.path),
      "build fake-portal (cmake --preset release), or name one in PORTAL_SESSION_FAKE_PORTAL")
    return program
  }

  // MARK: What it is told

  /// A client of Portal, as the app's backend makes it at sign-up; its id.
  func makeClient() async throws -> String {
    struct Client: Decodable { let id: String }
    var request = URLRequest(url: url.appendingPathComponent("api/v3/custodians/me/clients"))
    request.setValue("Bearer \(apiKey)", forHTTPHeaderField: "Authorization")
    return try JSONDecoder().decode(Client.self, from: await post(request, [:])).id
  }

  func advance(by interval: TimeInterval) async throws { try await control("advance", ["seconds": interval]) }
  func arm(_ fault: [String: any Sendable]) async throws { try await control("faults", fault) }
  func clear() async throws { try await control("clear", [:]) }
  func release() async throws { try await control("release", [:]) }

  struct Counters: Decodable {
    let mints: Int
    let requests: Int
    let slides: Int
    let rejected: Int
    let held: Int
  }

  var counters: Counters {
    get async throws {
      let (data, _) = try await session.data(for: URLRequest(url: url.appendingPathComponent("_fake/counters")))
      return try JSONDecoder().decode(Counters.self, from: data)
    }
  }

  private func control(_ what: String, _ body: [String: any Sendable]) async throws {
    _ = try await post(URLRequest(url: url.appendingPathComponent("_fake/\(what)")), body)
  }

  private func post(_ request: URLRequest, _ body: [String: any Sendable]) async throws -> Data {
    var request = request
    request.httpMethod = "POST"
    request.httpBody = try JSONSerialization.data(withJSONObject: body)
    let (data, response) = try await session.data(for: request)
    let status = try #require((response as? HTTPURLResponse)?.statusCode)
    try #require((200..<300).contains(status), "\(request.url!): \(status)")
    return data
  }
}

#if !os(Linux)
  import Security

  /// Trusts one certificate authority more.
  private final class Trust: NSObject, URLSessionDelegate, Sendable {
    private let certificate: Data

    init(_ file: String) throws {
      let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("-----") }
      certificate = try #require(Data(base64Encoded: lines.joined()))
    }

    func urlSession(
      _ session: URLSession, didReceive challenge: URLAuthenticationChallenge
    ) async -> (URLSession.AuthChallengeDisposition, URLCredential?) {
      guard let trust = challenge.protectionSpace.serverTrust,
        let anchor = SecCertificateCreateWithData(nil, certificate as CFData),
        SecTrustSetAnchorCertificates(trust, [anchor] as CFArray) == errSecSuccess,
        SecTrustEvaluateWithError(trust, nil)
      else { return (.cancelAuthenticationChallenge, nil) }
      return (.useCredential, URLCredential(trust: trust))
    }
  }
#endif

/// The app's provider: asks its own backend, which is a part of fake-portal.
actor Backend: TokenProvider {
  private let portal: FakePortal
  private let client: String
  private(set) var calls = 0

  init(_ portal: FakePortal, client: String) {
    self.portal = portal
    self.client = client
  }

  func token(for request: TokenRequest) async throws -> TokenAnswer {
    calls += 1
    let (url, client) = (portal.url.appendingPathComponent("_app/token"), client)
    return try await URLTokenProvider(urlSession: portal.session) { _ in
      var request = URLRequest(url: url)
      request.httpMethod = "POST"
      request.httpBody = try JSONSerialization.data(withJSONObject: ["client_id": client])
      return request
    }.token(for: request)
  }
}
