// One wait for a token: a C callback, a task and its cancellation, in whatever order they come.
import CPortalSession

/// Resumes its continuation exactly once: the C ABI promises one callback for each acquire that began, and an acquire that
/// did not begin has none.
final class LeaseWaiter: Sendable {
  private enum State {
    case idle
    case waiting(CheckedContinuation<Lease, any Error>)
    case over
  }

  private struct Wait {
    var state = State.idle
    var isCancelled = false
    var id: UInt64 = 0
  }

  private let wait = Guarded(Wait())
  private let isPatient: Bool
  fileprivate let provided: LastError

  /// - Parameters:
  ///   - isPatient: false: takes the answer that is known at once, and waits for no other.
  ///   - provided: What the provider threw.
  init(isPatient: Bool, _ provided: LastError) {
    self.isPatient = isPatient
    self.provided = provided
  }

  /// Begins the wait; what cannot begin, or was cancelled before, ends at once.
  func begin(
    on handle: SessionHandle, _ options: portal_acquire_options, _ continuation: CheckedContinuation<Lease, any Error>
  ) {
    let isCancelled = wait.withLock { wait in
      wait.state = .waiting(continuation)
      return wait.isCancelled
    }
    if isCancelled { return end(.failure(CancellationError())) }

    var options = options
    var id: UInt64 = 0
    let done = portal_acquired(fn: leaseAcquired, userdata: retained(self), release: releaseObject)
    do {
      try checked { portal_lease_acquire(handle.session, &options, done, &id, $0) }
    } catch {
      return end(.failure(error))
    }
    let wasCancelled = wait.withLock { wait in
      wait.id = id
      return wait.isCancelled
    }
    if wasCancelled || !isPatient { portal_cancel(id, nil) }
  }

  /// Before `begin` it is remembered; after the end it is harmless.
  func cancel() {
    let id = wait.withLock { wait in
      wait.isCancelled = true
      return wait.id
    }
    if id != 0 { portal_cancel(id, nil) }
  }

  func endCancelled() {
    let wasCancelled = wait.withLock { $0.isCancelled }
    end(
      .failure(
        wasCancelled || isPatient
          ? CancellationError()
          : PortalSessionError(.timeout, message: "No token could be given without waiting: allow time for it.")))
  }

  func end(_ result: Result<Lease, any Error>) {
    let state = wait.withLock { wait in
      defer { wait.state = .over }
      return wait.state
    }
    if case .waiting(let continuation) = state { continuation.resume(with: result) }
  }
}

/// The callback of `portal_lease_acquire`.
private func leaseAcquired(
  userdata: UnsafeMutableRawPointer?, code: portal_code, lease: UnsafePointer<portal_lease>?, token: portal_text,
  error: UnsafePointer<portal_error>?
) {
  let waiter: LeaseWaiter = object(userdata)
  if let lease {
    let bytes = UnsafeRawBufferPointer(start: token.data, count: token.length)
    waiter.end(.success(Lease(token: SessionToken(bytes), ticket: lease.pointee)))
  } else if code == .PORTAL_ERR_CANCELLED {
    waiter.endCancelled()
  } else {
    waiter.end(.failure(PortalSessionError(error?.pointee ?? .make(), waiter.provided)))
  }
}
