// The app's way to its own backend.
import Foundation

/// Gets a new token when one is needed, and only then, however many screens and tasks wait for it.
///
/// ```swift
/// struct Backend: TokenProvider {
///   func token(for request: TokenRequest) async throws -> TokenAnswer {
///     let answer = try await myBackend.newPortalSession()
///     return .token(answer.clientSessionToken, clientID: answer.id)
///   }
/// }
/// ```
///
/// For a backend that is one HTTP request away there is ``URLTokenProvider``.
///
/// It runs in a task of its own, one at a time for each session, and that task is cancelled when a sign-out or a close makes
/// the request void. What it throws is a failure, tried again after a back-off; answer ``TokenAnswer/declined(code:)``
/// where the user must sign in again, or ``TokenAnswer/backend(_:)``, which knows by itself.
public protocol TokenProvider: Sendable {
  func token(for request: TokenRequest) async throws -> TokenAnswer
}

/// One ask for a new token.
public struct TokenRequest: Hashable, Sendable {
  /// Why a token is needed.
  public let reason: PortalSession.Reason
  /// 1, 2, … since the last success.
  public let attempt: Int
  /// When those who wait give up. A later answer is still welcome.
  public let deadline: Date
  /// The newest generation that this session has had; nil: none yet.
  public let generation: UInt64?
  /// Whose token; nil: not known yet.
  public let clientID: String?

  /// For the tests of a provider.
  public init(
    reason: PortalSession.Reason, attempt: Int = 1, deadline: Date = Date(timeIntervalSinceNow: 30),
    generation: UInt64? = nil,
    clientID: String? = nil
  ) {
    self.reason = reason
    self.attempt = attempt
    self.deadline = deadline
    self.generation = generation
    self.clientID = clientID
  }
}

/// What the app's backend said.
public enum TokenAnswer: Sendable {
  /// What the backend answered over HTTP: one rule decides what it means.
  case backend(BackendAnswer)
  /// A token; the `id` beside it in Portal's answer; and how long ago Portal issued it, by the backend's own clock.
  case token(String, clientID: String? = nil, age: TimeInterval = 0)
  /// The user must sign in. Nobody is asked any more until a push, a renewal or a new process. `code`: the app's own number
  /// for it, shown by ``PortalSession/explain()``.
  case declined(code: Int32? = nil)
  /// No token this time.
  case failed(TokenFailure)
}

extension TokenAnswer: CustomStringConvertible, CustomReflectable {
  public var description: String {
    switch self {
    case .backend(let answer): "backend(\(answer))"
    case .token: "token(<session token>)"
    case .declined(let code): "declined(code: \(code.map(String.init) ?? "nil"))"
    case .failed(let failure): "failed(\(failure))"
    }
  }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why there is no token this time, where the backend speaks no HTTP. Throw it from a provider, or answer
/// ``TokenAnswer/failed(_:)``.
public struct TokenFailure: Error, Hashable, Sendable {
  /// The session may ask again by itself, after a back-off.
  public var isRetryable: Bool
  /// How long the session waits before it asks again; nil: the backend did not say.
  public var retryAfter: TimeInterval?
  /// The app's own number for it, shown by ``PortalSession/explain()``.
  public var code: Int32?

  public init(isRetryable: Bool = true, retryAfter: TimeInterval? = nil, code: Int32? = nil) {
    self.isRetryable = isRetryable
    self.retryAfter = retryAfter
    self.code = code
  }
}

/// A provider that is a closure.
struct ClosureProvider: TokenProvider {
  let ask: @Sendable (TokenRequest) async throws -> TokenAnswer
  func token(for request: TokenRequest) async throws -> TokenAnswer { try await ask(request) }
}
