// What the app's backend answered over HTTP. The C ABI holds the one rule that says what it means.
import CPortalSession
import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// An answer of the app's backend to a provider's HTTP request. The library decides by one rule, the same on all platforms,
/// whether it is a token, a demand to sign in (401), or a failure that may be tried again.
///
/// Let the backend pass Portal's answer on: `{"clientSessionToken": "…", "id": "…"}`.
public struct BackendAnswer: Sendable {
  private enum Outcome {
    /// The body's token and client id.
    case token(String, clientID: String)
    /// A body in which there is none.
    case body(Data)
    case noAnswer(URLError)
  }

  private let outcome: Outcome
  private let status: Int
  private let retryAfter: String
  private let date: String
  private let age: TimeInterval

  /// - Parameters:
  ///   - body: What the backend sent.
  ///   - response: The head of that answer.
  ///   - age: Since Portal issued the token, by the backend's own clock.
  public init(_ body: Data, _ response: URLResponse, age: TimeInterval = 0) {
    let head = response as? HTTPURLResponse
    status = head?.statusCode ?? 0
    retryAfter = head?.value(forHTTPHeaderField: "Retry-After") ?? ""
    date = head?.value(forHTTPHeaderField: "Date") ?? ""
    outcome = Self.read(body)
    self.age = age
  }

  /// No answer came.
  public init(_ error: URLError) {
    (outcome, status, retryAfter, date, age) = (.noAnswer(error), 0, "", "", 0)
  }

  /// JSON is read here: the core that apps embed has no parser for it. Its words for what is no JSON at all are better.
  private static func read(_ body: Data) -> Outcome {
    let largest = 1 << 20
    let text = body.starts(with: [0xEF, 0xBB, 0xBF]) ? body.dropFirst(3) : body
    guard let first = text.first(where: { !" \t\r\n".utf8.contains($0) }), "{[\"".utf8.contains(first),
      text.count <= largest
    else { return .body(body) }
    let fields = (try? JSONSerialization.jsonObject(with: Data(text))) as? [String: Any]
    return .token(fields?["clientSessionToken"] as? String ?? "", clientID: fields?["id"] as? String ?? "")
  }
}

extension BackendAnswer {
  /// The answer as the C ABI takes it, for the time of the call.
  func withCValue<Result>(_ body: (inout portal_backend_answer) -> Result) -> Result {
    retryAfter.withPortalText { retryAfter in
      date.withPortalText { date in
        var raw = portal_backend_answer.make()
        raw.http_status = Int32(clamping: max(status, 0))
        raw.retry_after = retryAfter
        raw.date = date
        raw.age_ms = ageMilliseconds(age)
        return fill(&raw, body)
      }
    }
  }

  private func fill<Result>(
    _ raw: inout portal_backend_answer, _ body: (inout portal_backend_answer) -> Result
  ) -> Result {
    switch outcome {
    case .token(let token, let clientID):
      return token.withPortalText { token in
        clientID.withPortalText { clientID in
          raw.flags = UInt32(PORTAL_ANSWER_PARSED)
          raw.token_or_body = token
          raw.client_id = clientID
          return body(&raw)
        }
      }
    case .body(let data):
      return data.withUnsafeBytes { bytes in
        raw.token_or_body = portal_text(
          data: bytes.baseAddress?.assumingMemoryBound(to: CChar.self), length: bytes.count)
        return body(&raw)
      }
    case .noAnswer(let error):
      raw.os_code = Int32(clamping: error.errorCode)
      raw.code = error.code == .timedOut ? .PORTAL_ERR_TIMEOUT : .PORTAL_ERR_NETWORK
      raw.flags = error.isOfTLS ? UInt32(PORTAL_ANSWER_TLS) : 0
      return body(&raw)
    }
  }
}

extension URLError {
  fileprivate var isOfTLS: Bool {
    switch code {
    case .secureConnectionFailed, .serverCertificateHasBadDate, .serverCertificateUntrusted,
      .serverCertificateHasUnknownRoot, .serverCertificateNotYetValid, .clientCertificateRejected,
      .clientCertificateRequired:
      true
    default: false
    }
  }
}

extension BackendAnswer: CustomStringConvertible, CustomReflectable {
  public var description: String { "<the backend's answer, HTTP \(status)>" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A provider that sends one HTTP request to the app's backend.
///
/// ```swift
/// let provider = URLTokenProvider { _ in
///   var request = URLRequest(url: URL(string: "https://backend.example/portal-session")!)
///   request.httpMethod = "POST"
///   request.setValue("Bearer \(signIn.token)", forHTTPHeaderField: "Authorization")
///   return request
/// }
/// ```
public struct URLTokenProvider: TokenProvider {
  private let urlSession: URLSession
  private let makeRequest: @Sendable (TokenRequest) async throws -> URLRequest

  public init(
    urlSession: URLSession = .shared, makeRequest: @escaping @Sendable (TokenRequest) async throws -> URLRequest
  ) {
    self.urlSession = urlSession
    self.makeRequest = makeRequest
  }

  public func token(for request: TokenRequest) async throws -> TokenAnswer {
    var wanted = try await makeRequest(request)
    wanted.cachePolicy = .reloadIgnoringLocalCacheData  // a cached token is one that was used up
    let (body, response) = try await urlSession.data(for: wanted)
    return .backend(BackendAnswer(body, response))
  }
}
