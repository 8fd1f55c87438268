// Carries token requests from C to the provider's task, and its answer back.
import CPortalSession
import Foundation

/// What a provider threw, or why its token was refused, the last time it was asked; nil: it answered. It is no part of the
/// bridge, which holds the app's provider and goes when the session is closed.
typealias LastError = Guarded<(any Error)?>

final class ProviderBridge: Sendable {
  private let provider: any TokenProvider
  private let tasks = Guarded<[UInt64: Task<Void, Never>]>([:])
  private let thrown: LastError

  init(_ provider: any TokenProvider, _ thrown: LastError) {
    self.provider = provider
    self.thrown = thrown
  }

  var callbacks: portal_provider {
    portal_provider(
      ask: { userdata, request in
        let bridge: ProviderBridge = object(userdata)
        bridge.ask(request.pointee)
      },
      withdrawn: { userdata, id in
        let bridge: ProviderBridge = object(userdata)
        bridge.tasks.withLock { $0.removeValue(forKey: id) }?.cancel()
      },
      userdata: retained(self), release: releaseObject)
  }

  private func ask(_ raw: portal_token_request) {
    let id = raw.id
    let request = TokenRequest(raw)
    // Entered under the lock, as the task may be over before it is in the list.
    tasks.withLock { tasks in
      tasks[id] = Task.detached(priority: .userInitiated) { [self] in
        await answer(id, request)
        self.tasks.withLock { _ = $0.removeValue(forKey: id) }
      }
    }
  }

  private func answer(_ id: UInt64, _ request: TokenRequest) async {
    do {
      let answer = try await provider.token(for: request)
      thrown.withLock { $0 = nil }
      switch answer {
      case .backend(let answer):
        self.answer(id, answer)
      case .token(let token, let clientID, let age):
        fulfil(id, token, clientID, age)
      case .declined(let code):
        portal_request_decline(id, code ?? 0, nil)
      case .failed(let failure):
        fail(id, failure)
      }
    } catch {
      thrown.withLock { $0 = error }
      switch error {
      case let failure as TokenFailure: fail(id, failure)
      case let error as URLError: answer(id, BackendAnswer(error))
      default: fail(id, TokenFailure())
      }
    }
  }

  private func answer(_ id: UInt64, _ answer: BackendAnswer) {
    answer.withCValue { _ = portal_request_answer(id, &$0, nil) }
  }

  /// A token that cannot be used counts as a failure: the session knows, and tells its waiters and observers.
  private func fulfil(_ id: UInt64, _ token: String, _ clientID: String?, _ age: TimeInterval) {
    var error = portal_error.make()
    let code = withTokenInput(token, clientID: clientID, age: age) { portal_request_fulfil(id, &$0, &error) }
    guard code == .PORTAL_ERR_INVALID_ARGUMENT else { return }
    thrown.withLock { [error] in $0 = PortalSessionError(error) }
    // A malformed client id or age leaves the request open, and no better answer will come.
    _ = withTokenInput("", clientID: nil, age: 0) { portal_request_fulfil(id, &$0, nil) }
  }

  private func fail(_ id: UInt64, _ failure: TokenFailure) {
    var raw = portal_failure.make()
    raw.flags = failure.isRetryable ? UInt32(PORTAL_FAILURE_RETRYABLE) : 0
    raw.retry_after_ms = max(0, milliseconds(failure.retryAfter ?? 0))
    raw.host_code = failure.code ?? 0
    portal_request_fail(id, &raw, nil)
  }
}

extension TokenRequest {
  init(_ raw: portal_token_request) {
    self.init(
      reason: PortalSession.Reason(raw.reason), attempt: Int(raw.attempt),
      deadline: Date(timeIntervalSinceNow: seconds(raw.timeout_ms)), generation: raw.generation == 0 ? nil : raw.generation,
      clientID: raw.client_id.length == 0 ? nil : String(raw.client_id))
  }
}

/// A token as the C ABI takes it, for the time of the call.
func withTokenInput<Result>(
  _ token: String, clientID: String?, age: TimeInterval, epoch: UInt64? = nil,
  _ body: (inout portal_token_input) throws -> Result
) rethrows -> Result {
  try token.withPortalText { token in
    try (clientID ?? "").withPortalText { clientID in
      var input = portal_token_input.make()
      input.token = token
      input.client_id = clientID
      input.age_ms = ageMilliseconds(age)
      input.expected_epoch = epoch.map { $0 == 0 ? .max : $0 } ?? 0  // no epoch is 0, which is "any" to C
      return try body(&input)
    }
  }
}
