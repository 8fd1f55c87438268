// A session: what an app holds, and all that it can do with it.
import CPortalSession
import Foundation

/// Keeps the Client Session Token of one Portal user, and asks the app for a new one exactly when Portal will no longer take
/// the old one.
///
/// ```swift
/// let session = try PortalSession(configuration: configuration, provider: Backend())
/// let (data, response) = try await session.data(for: URLRequest(url: clientsMe))
/// ```
///
/// Everything may be called on any thread and from any actor; nothing blocks. Opening does no input or output. The session
/// closes itself when its last reference goes.
public final class PortalSession: Sendable {
  let handle: SessionHandle
  private let observers = Observers()
  private let lifeCycle = LifeCycle()

  /// Opens a session and starts to load what its store has.
  ///
  /// - Parameters:
  ///   - configuration: What the session is like.
  ///   - provider: The app's way to its backend; nil: only ``push(_:clientID:age:epoch:)`` brings tokens.
  /// - Throws: ``PortalSessionError`` where the configuration cannot be used.
  public init(configuration: Configuration = Configuration(), provider: (any TokenProvider)?) throws {
    handle = try SessionHandle(configuration, provider: provider, observers: observers)
    observers.attach(handle)
    if configuration.followsAppLifeCycle { lifeCycle.follow(handle) }
  }

  /// The same with a closure as the provider.
  public convenience init(
    configuration: Configuration = Configuration(),
    provider: @escaping @Sendable (TokenRequest) async throws -> TokenAnswer
  ) throws {
    try self.init(configuration: configuration, provider: ClosureProvider(ask: provider))
  }

  deinit {
    lifeCycle.end()
    portal_session_close(handle.session, 0, nil)
  }

  /// How long a caller waits for a token if it does not say otherwise.
  public static let defaultTimeout: TimeInterval = 35

  // MARK: Tokens

  /// The valid token, without waiting: one clock read and one copy; nil where ``lease(newerThan:timeout:withoutStore:isolation:)`` would
  /// wait.
  public var currentLease: Lease? {
    var ticket = portal_lease.make()
    return withUnsafeTemporaryAllocation(byteCount: Int(PORTAL_TOKEN_MAX), alignment: 1) { buffer in
      var length = buffer.count
      let text = buffer.assumingMemoryBound(to: CChar.self).baseAddress
      guard portal_lease_try(handle.session, &ticket, text, &length, nil) == .PORTAL_OK else { return nil }
      defer { portal_wipe(buffer.baseAddress, length) }
      return Lease(token: SessionToken(UnsafeRawBufferPointer(rebasing: buffer[..<length])), ticket: ticket)
    }
  }

  /// A token that Portal will take: at once where there is one, else as soon as the provider brings it, asked once however
  /// many wait. Cancelling the task ends its wait, and no other's.
  ///
  /// - Parameters:
  ///   - stale: A lease whose token failed: only a newer one will do.
  ///   - timeout: On the session's clock, at most ten minutes. Zero begins what is due and does not wait: where the answer is
  ///     not known at once, ``PortalSessionError/Code/timeout``.
  ///   - withoutStore: While the store is locked, asks the provider and goes on in memory, instead of waiting for the store.
  ///   - isolation: The caller's own: a token that is there is given without a change of actor.
  public func lease(
    newerThan stale: Lease? = nil, timeout: TimeInterval = PortalSession.defaultTimeout, withoutStore: Bool = false,
    isolation: isolated (any Actor)? = #isolation
  ) async throws -> Lease {
    if let current = currentLease, current.generation > stale?.generation ?? 0 { return current }
    var options = portal_acquire_options.make()
    options.flags = withoutStore ? UInt32(PORTAL_ACQUIRE_WITHOUT_STORE) : 0
    options.newer_than = stale?.generation ?? 0
    return try await acquire(options, timeout)
  }

  /// A token made after this call, whatever the present one is like. It skips the session's own back-off, once in ten
  /// seconds, but never a `Retry-After` of the backend; and it is the way back in after ``TokenAnswer/declined(code:)``.
  @discardableResult
  public func renew(
    timeout: TimeInterval = PortalSession.defaultTimeout, isolation: isolated (any Actor)? = #isolation
  ) async throws -> Lease {
    var options = portal_acquire_options.make()
    options.flags = UInt32(PORTAL_ACQUIRE_FORCE)
    return try await acquire(options, timeout)
  }

  private func acquire(
    _ options: portal_acquire_options, _ timeout: TimeInterval, isolation: isolated (any Actor)? = #isolation
  ) async throws -> Lease {
    var options = options
    if timeout != 0 { options.timeout_ms = positiveMilliseconds(timeout) }
    let waiter = LeaseWaiter(isPatient: timeout != 0, handle.provided)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { waiter.begin(on: handle, options, $0) }
    } onCancel: {
      waiter.cancel()
    }
  }

  /// Starts a renewal that is due, if any, so that its wait hides behind the app's first screen.
  public func prepare() {
    portal_session_prepare(handle.session, nil)
  }

  /// Gives a token unasked, after a sign-in for example. It takes the place of any other.
  ///
  /// - Parameters:
  ///   - token: Portal's `clientSessionToken`.
  ///   - clientID: The `id` beside it in Portal's answer; nil: as before.
  ///   - age: Since Portal issued it, by the backend's own clock.
  ///   - epoch: The ``PortalSession/Status/epoch`` it was fetched in: after a sign-out meanwhile it is ``PortalSessionError/Code/stale``.
  public func push(_ token: String, clientID: String? = nil, age: TimeInterval = 0, epoch: UInt64? = nil) throws {
    try withTokenInput(token, clientID: clientID, age: age, epoch: epoch) { input in
      try checked { portal_session_push(handle.session, &input, $0) }
    }
  }

  /// Signs out the current user and signs in the next one, in one step. No caller gets a sign-in error in between. Once this
  /// is called, no call returns the old token. When it returns, that token is wiped here and erased in the store.
  ///
  /// Its parameters are those of ``push(_:clientID:age:epoch:)``. If the token cannot be used, the current user
  /// stays signed in.
  public func switchUser(
    to token: String, clientID: String? = nil, age: TimeInterval = 0, epoch: UInt64? = nil
  ) async throws {
    try await completion { done, error in
      withTokenInput(token, clientID: clientID, age: age, epoch: epoch) {
        portal_session_switch(handle.session, &$0, done, error)
      }
    }
  }

  // MARK: Answers

  /// Says what Portal answered to a request that carried the lease's token: 2xx slides the idle deadline to the send instant
  /// + 24 hours, 401 ends the token, everything else changes nothing. Report what came from Portal itself: no answer of a
  /// cache, none after a redirect.
  ///
  /// - Returns: false where nothing could happen: the lease is of before a sign-out, of another session, or the session is
  ///   closed.
  @discardableResult
  public func report(_ lease: Lease, status: Int) -> Bool {
    withUnsafePointer(to: lease.ticket) { ticket in
      portal_lease_report(handle.session, ticket, Int32(clamping: status), nil, nil) == .PORTAL_OK
    }
  }

  /// The same by what the answer means, where the status is hidden: see ``PortalErrors/verdict(_:)``.
  @discardableResult
  public func report(_ lease: Lease, verdict: Verdict) -> Bool {
    switch verdict {
    case .accepted: report(lease, status: 200)
    case .rejected: report(lease, status: 401)
    case .other, .forbidden, .throttled, .unavailable: handle.status() != nil
    }
  }

  /// Sets the lease's send instant to now: for a request that leaves later than its lease was taken.
  public func stamp(_ lease: inout Lease) {
    portal_lease_stamp(handle.session, &lease.ticket, nil)
  }

  /// Whether the token may go to this place. Ask for what your stack will dial, and send a request elsewhere without it.
  public func allows(scheme: String, host: String, port: Int? = nil) -> Bool {
    guard let port = UInt16(exactly: port ?? 0) else { return false }
    return scheme.withPortalText { scheme in
      host.withPortalText { host in
        portal_session_allows(handle.session, scheme, host, port, nil) == .PORTAL_OK
      }
    }
  }

  // MARK: What it has

  /// What the session has and does at this instant.
  public var status: Status {
    get throws {
      var raw = portal_status.make()
      try checked { portal_session_status(handle.session, &raw, $0) }
      return Status(raw)
    }
  }

  /// Why the store does not work, with the system's number: the session then lives in memory. nil: it works, or is locked.
  public var storeError: PortalSessionError? {
    handle.stored.withLock { $0 }.map { fault in
      PortalSessionError(.storeFailed, message: fault.message, osCode: fault.code == 0 ? nil : Int(fault.code))
    }
  }

  /// The present status, and then the newest after each change, until the session ends. Each call is a stream of its own.
  public var statusUpdates: AsyncStream<Status> { observers.statuses() }

  /// What happens from now on, in order, until the session ends. Each call is a stream of its own.
  public var events: AsyncStream<Event> { observers.events() }

  /// The status and the last 32 transitions as JSON, for support: no secret is in it.
  public func explain() throws -> String {
    var length = Int(PORTAL_EXPLAIN_MAX)
    var buffer = [CChar](repeating: 0, count: length)
    try checked { portal_session_explain(handle.session, &buffer, &length, $0) }
    return String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  // MARK: Its end

  /// Signs out. Already when this is called no one gets the token any more; it returns when every copy is wiped and the
  /// store overwritten.
  ///
  /// - Throws: ``PortalSessionError/Code/storeUnavailable`` where the store is locked: memory is wiped, and the store will
  ///   be at the next occasion.
  public func clear() async throws {
    try await completion { done, error in portal_session_clear(handle.session, done, error) }
  }

  /// Ends the session: who waits gets ``PortalSessionError/Code/closed``. It happens by itself when the last reference goes.
  public func close() {
    lifeCycle.end()
    portal_session_close(handle.session, 0, nil)
  }

  // MARK: The world outside

  /// The app came to the front: clock, store and timers are looked at again.
  public func enteredForeground() async throws { try await handle.notify(.PORTAL_NOTICE_FOREGROUND) }
  /// The app goes: returns when everything is written.
  public func enteredBackground() async throws { try await handle.notify(.PORTAL_NOTICE_BACKGROUND) }
  /// Another process wrote, or the store became readable.
  public func storeChanged() async throws { try await handle.notify(.PORTAL_NOTICE_STORE_CHANGED) }
  /// A test moved the clock: returns when all that became due is over.
  public func clockChanged() async throws { try await handle.notify(.PORTAL_NOTICE_CLOCK_CHANGED) }
}
