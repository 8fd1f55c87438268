// C's operations without a result, awaited.
import CPortalSession

private final class Completion: Sendable {
  let continuation: CheckedContinuation<Void, any Error>
  init(_ continuation: CheckedContinuation<Void, any Error>) { self.continuation = continuation }
}

/// Starts an operation and awaits its `done`. One that did not start has none.
func completion(
  isolation: isolated (any Actor)? = #isolation,
  _ start: (UnsafePointer<portal_done>, UnsafeMutablePointer<portal_error>) -> portal_code
) async throws {
  try await withCheckedThrowingContinuation { continuation in
    var done = portal_done(
      fn: { userdata, code, error in
        let completion: Completion = object(userdata)
        if code == .PORTAL_OK {
          completion.continuation.resume()
        } else {
          completion.continuation.resume(throwing: PortalSessionError(error?.pointee ?? .make()))
        }
      },
      userdata: retained(Completion(continuation)), release: releaseObject)
    do {
      try checked { start(&done, $0) }
    } catch {
      continuation.resume(throwing: error)
    }
  }
}

extension SessionHandle {
  func notify(_ notice: portal_notice, isolation: isolated (any Actor)? = #isolation) async throws {
    try await completion { done, error in portal_session_notify(session, notice, done, error) }
  }
}
