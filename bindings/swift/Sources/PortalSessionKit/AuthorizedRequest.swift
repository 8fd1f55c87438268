// A request with the token on it: for URLSession here, and for other stacks.
import CPortalSession
import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A request that may go out, and the lease whose token it carries.
public struct AuthorizedRequest: Sendable {
  public let request: URLRequest
  /// nil: the token may not go to that host; the request is as it was.
  public let lease: Lease?
}

extension AuthorizedRequest: CustomStringConvertible, CustomReflectable {
  public var description: String {
    "<request to \(request.url?.host ?? "nowhere"), \(lease.map { "\($0)" } ?? "no lease")>"
  }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension PortalSession {
  /// Whether a request may be sent once more after a 401.
  public enum Replay: Hashable, Sendable {
    case never
    /// GET, HEAD, OPTIONS, TRACE, PUT and DELETE.
    case ifIdempotent
    /// Any method whose body can be sent again.
    case always
  }
}

extension PortalSession {
  /// Puts the token on a request, for an HTTP stack of the app's own; to hosts outside the allow-list the request goes
  /// untouched. Follow no redirect with it, and tell the answer by ``report(_:response:isFromCache:)``.
  ///
  /// - Parameters:
  ///   - request: What is to be sent.
  ///   - stale: What was sent before and met a 401.
  ///   - isolation: The caller's own: a token that is there is given without a change of actor.
  public func authorize(
    _ request: URLRequest, after stale: AuthorizedRequest? = nil, isolation: isolated (any Actor)? = #isolation
  ) async throws -> AuthorizedRequest {
    guard let url = request.url, allows(url) else { return AuthorizedRequest(request: request, lease: nil) }
    let lease = try await lease(newerThan: stale?.lease)
    var request = request
    request.setValue(lease.token.headerValue, forHTTPHeaderField: "Authorization")
    return AuthorizedRequest(request: request, lease: lease)
  }

  /// Tells what came of an authorized request. What a cache or the target of a redirect answered says nothing of the token.
  ///
  /// - Returns: The token is dead: a request that may be sent twice is worth a second try.
  @discardableResult
  public func report(_ sent: AuthorizedRequest, response: URLResponse, isFromCache: Bool = false) -> Bool {
    guard let lease = sent.lease, let status = (response as? HTTPURLResponse)?.statusCode, !isFromCache,
      let asked = sent.request.url, let answered = response.url, asked.place == answered.place
    else { return false }
    report(lease, status: status)
    return status == 401
  }

  /// Whether the token may go where this URL leads.
  public func allows(_ url: URL) -> Bool {
    guard let scheme = url.scheme, let host = url.host, url.user == nil, url.password == nil else { return false }
    return allows(scheme: scheme, host: host, port: url.port)
  }

  /// Sends with the token, reports the answer, and after a 401 sends once more with a newer token where `replay` allows.
  func send<Answer: Sendable>(
    _ request: URLRequest, replay: Replay, isolation: isolated (any Actor)? = #isolation,
    by exchange: (AuthorizedRequest) async throws -> Exchange<Answer>
  ) async throws -> (Answer, URLResponse) {
    let first = try await authorize(request)
    let answer = try await exchange(first)
    let isDead = report(first, response: answer.response, isFromCache: answer.isFromCache)
    guard isDead, request.mayBeReplayed(replay) else { return answer.result }

    let second = try await authorize(request, after: first)
    let better = try await exchange(second)
    report(second, response: better.response, isFromCache: better.isFromCache)
    return better.result
  }
}

/// What a stack answered.
struct Exchange<Answer: Sendable>: Sendable {
  var answer: Answer
  var response: URLResponse
  var isFromCache = false

  var result: (Answer, URLResponse) { (answer, response) }
}

extension URL {
  /// Where it leads, in the form to which stacks bring a URL on its way: lower case, no dot at the host's end, the scheme's
  /// own port left out, no empty path.
  var place: [String] {
    let scheme = self.scheme?.lowercased() ?? ""
    var host = self.host?.lowercased() ?? ""
    if host.hasSuffix(".") { host.removeLast() }
    let port = self.port.map { $0 == ["http": 80, "https": 443][scheme] ? "" : "\($0)" } ?? ""
    return [scheme, host, port, path.isEmpty ? "/" : path]
  }
}

extension URLRequest {
  func mayBeReplayed(_ replay: PortalSession.Replay) -> Bool {
    guard httpBodyStream == nil else { return false }  // it was read to its end
    switch replay {
    case .never: return false
    case .always: return true
    case .ifIdempotent: return ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].contains(httpMethod ?? "GET")
    }
  }
}
