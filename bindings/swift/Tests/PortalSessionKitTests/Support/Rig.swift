// A session on a manual clock and a store in memory, with a provider that does as it is told.
import Foundation
import PortalSessionKit
import PortalSessionTestKit
import Testing

/// Answers "token-1", "token-2", … unless a test says otherwise.
actor ScriptedProvider: TokenProvider {
  private(set) var requests: [TokenRequest] = []
  private var script: (@Sendable (Int) async throws -> TokenAnswer)?

  func answer(_ script: @escaping @Sendable (Int) async throws -> TokenAnswer) { self.script = script }

  func token(for request: TokenRequest) async throws -> TokenAnswer {
    requests.append(request)
    let number = requests.count
    guard let script else { return .token("token-\(number)", clientID: "client") }
    return try await script(number)
  }
}

struct Rig {
  let clock = ManualClock()
  let store: MemoryStore
  let provider = ScriptedProvider()
  let session: PortalSession

  init(store: MemoryStore = MemoryStore(), change: (inout PortalSession.Configuration) -> Void = { _ in }) throws {
    self.store = store
    var configuration = PortalSession.Configuration()
    configuration.store = store
    configuration.clock = clock
    configuration.followsAppLifeCycle = false
    change(&configuration)
    session = try PortalSession(configuration: configuration, provider: provider)
  }

  func advance(by interval: TimeInterval) async throws {
    try await session.enteredBackground()  // quiet before a jump
    clock.advance(by: interval)
    try await session.clockChanged()
  }
}

let day: TimeInterval = 24 * 3600

/// A value that threads share.
final class Shared<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var held: Value

  init(_ value: Value) { held = value }
  var value: Value { lock.withLock { held } }
  func change(_ body: (inout Value) -> Void) { lock.withLock { body(&held) } }
}

/// Opens once, for all who wait and will wait.
final class Gate: @unchecked Sendable {
  private let lock = NSLock()
  private var isOpen = false
  private var waiters: [CheckedContinuation<Void, Never>] = []

  func wait() async {
    await withCheckedContinuation { continuation in
      let wasOpen = lock.withLock {
        if !isOpen { waiters.append(continuation) }
        return isOpen
      }
      if wasOpen { continuation.resume() }
    }
  }

  func open() {
    let all = lock.withLock {
      isOpen = true
      defer { waiters = [] }
      return waiters
    }
    for waiter in all { waiter.resume() }
  }
}

/// Waits for what another thread does soon; a minute is only ever reached by a failure.
func eventually(_ condition: () async -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async {
  let deadline = Date(timeIntervalSinceNow: 60)
  while await !condition() {
    if Date() > deadline {
      Issue.record("it did not happen within a minute", sourceLocation: sourceLocation)
      return
    }
    await Task.yield()
  }
}

/// Ends with the task that it is in.
func untilCancelled() async throws -> Never {
  while true { try await Task.sleep(nanoseconds: 3_600_000_000_000) }
}

/// What an operation failed with; nil: it did not, or in another way.
func sessionError<Result>(_ body: () async throws -> Result) async -> PortalSessionError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? PortalSessionError
  }
}

/// The code of that failure.
func failure<Result>(_ body: () async throws -> Result) async -> PortalSessionError.Code? {
  await sessionError(body)?.code
}
