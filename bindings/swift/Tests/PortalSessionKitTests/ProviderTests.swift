// What providers answer, and what those who wait and watch hear of it.
import Foundation
import PortalSessionKit
import PortalSessionTestKit
import Testing

@Suite struct Providers {
  @Test("A provider that throws is a failure, with the time to leave it alone; it is asked again after that")
  func throwing() async throws {
    let rig = try Rig()
    await rig.provider.answer { _ in throw URLError(.notConnectedToInternet) }
    do {
      _ = try await rig.session.lease()
      Issue.record("a token from nowhere")
    } catch let error as PortalSessionError {
      #expect(error.code == .providerFailed)
      #expect(error.isRetryable)
      #expect(!error.message.isEmpty)
    }
    #expect(try rig.session.status.renewal == .backingOff)
    await rig.provider.answer { .token("token-\($0)") }
    try await rig.advance(by: 600)
    #expect(try await rig.session.lease().token.text == "token-2")
    #expect(await rig.provider.requests.map(\.attempt) == [1, 2])
  }

  private struct OwnError: Error { let number: Int }

  @Test("What the provider threw is the underlying error of all who waited, and is gone after its next answer")
  func underlying() async throws {
    let rig = try Rig()
    await rig.provider.answer { _ in throw OwnError(number: 7) }
    let error = try #require(await sessionError { try await rig.session.lease() })
    #expect((error.underlyingError as? OwnError)?.number == 7)
    #expect(!"\(error)".contains("OwnError"))
    let bridged = error as NSError
    #expect(bridged.domain == "PortalSessionError")
    #expect(bridged.code == Int(PortalSessionError.Code.providerFailed.rawValue))
    #expect(bridged.userInfo[NSUnderlyingErrorKey] != nil)

    await rig.provider.answer { _ in .token("token", clientID: "client 1") }
    try await rig.advance(by: 600)
    let malformed = try #require(await sessionError { try await rig.session.lease() })
    #expect((malformed.underlyingError as? PortalSessionError)?.code == .invalidArgument)

    await rig.provider.answer { _ in .declined() }
    try await rig.advance(by: 600)
    let declined = try #require(await sessionError { try await rig.session.lease() })
    #expect(declined.code == .signInNeeded && declined.underlyingError == nil)
    #expect((declined as NSError).code == -13)
  }

  /// Holds the session that it serves.
  private final class Owner: TokenProvider {
    let session = Shared<PortalSession?>(nil)
    func token(for request: TokenRequest) async throws -> TokenAnswer { .token("token") }
  }

  @Test("A provider that holds its session is freed by the session's close, and so is the session")
  func freedByClose() async throws {
    weak var kept: PortalSession?
    weak var owner: Owner?
    do {
      let provider = Owner()
      let session = try PortalSession(provider: provider)
      provider.session.change { $0 = session }
      _ = try await session.lease()
      (kept, owner) = (session, provider)
      session.close()
    }
    await eventually { kept == nil && owner == nil }
  }

  @Test("A provider's own failure passes its code and its wait on")
  func failing() async throws {
    let rig = try Rig()
    await rig.provider.answer { _ in throw TokenFailure(retryAfter: 120, code: 7) }
    do {
      _ = try await rig.session.lease()
      Issue.record("a token from nowhere")
    } catch let error as PortalSessionError {
      #expect(error.code == .providerFailed)
      #expect(error.httpStatus == nil)
      #expect(error.osCode == 7)
      #expect(try #require(error.retryAfter) >= 120)
    }
  }

  @Test(
    "A token with a malformed client id or age fails those who wait at once",
    arguments: [
      TokenAnswer.token("token", clientID: "client 1"), .token("token", age: -1), .token("token", age: .nan),
      .token("token", age: -.infinity),
    ])
  func malformed(answer: TokenAnswer) async throws {
    let rig = try Rig()
    await rig.provider.answer { _ in answer }
    #expect(await failure { try await rig.session.lease() } == .badToken)
  }

  @Test(
    "A failure with a wait that is none fails those who wait at once", arguments: [-5, .nan, -.infinity] as [TimeInterval])
  func malformedWait(retryAfter: TimeInterval) async throws {
    let rig = try Rig()
    await rig.provider.answer { _ in throw TokenFailure(retryAfter: retryAfter) }
    #expect(await failure { try await rig.session.lease() } == .providerFailed)
  }

  @Test("A provider that declines asks for a sign-in, and is asked no more until someone forces it")
  func declining() async throws {
    let rig = try Rig()
    await rig.provider.answer { _ in .declined(code: 3) }
    #expect(await failure { try await rig.session.lease() } == .signInNeeded)
    #expect(await failure { try await rig.session.lease() } == .signInNeeded)
    #expect(await rig.provider.requests.count == 1)
    await rig.provider.answer { _ in .token("after sign-in") }
    #expect(await failure { try await rig.session.renew() } == .badToken)  // has a space
    await rig.provider.answer { _ in .token("after-sign-in") }
    try await rig.advance(by: 600)
    #expect(try await rig.session.renew().token.text == "after-sign-in")
  }

  @Test("A sign-out cancels the provider's task, and its late answer brings nothing back")
  func withdrawn() async throws {
    let rig = try Rig()
    let asked = Gate()
    let wasCancelled = Gate()
    await rig.provider.answer { _ in
      asked.open()
      do {
        try await untilCancelled()
      } catch {
        wasCancelled.open()
        return .token("late")
      }
    }
    async let code = failure { try await rig.session.lease() }
    await asked.wait()
    try await rig.session.clear()
    #expect(await code == .cleared)
    await wasCancelled.wait()
    #expect(rig.session.currentLease == nil)
    #expect(try rig.session.status.state == .signedOut)
  }

  @Test("Without a provider only a push brings a token")
  func none() async throws {
    let session = try PortalSession(provider: nil)
    #expect(await failure { try await session.lease() } == .noProvider)
    try session.push("token", clientID: "client", age: 60)
    #expect(try await session.lease().token.text == "token")
  }

  @Test("A session that its own provider holds is freed by its close, and a forgotten one by its last reference")
  func freed() async throws {
    weak var forgotten: PortalSession?
    weak var provider: ScriptedProvider?
    do {
      let rig = try Rig()
      _ = try await rig.session.lease()
      (forgotten, provider) = (rig.session, rig.provider)
      #expect(forgotten != nil)
    }
    #expect(forgotten == nil)
    await eventually { provider == nil }
  }

  @Test("A configuration that cannot be used is refused when the session is opened")
  func refused() {
    var policy = PortalSession.Configuration()
    policy.policy.idle = 1
    #expect { try PortalSession(configuration: policy, provider: nil) } throws: { error in
      (error as? PortalSessionError)?.code == .policy
    }
    var url = PortalSession.Configuration()
    url.portalURL = URL(string: "http://portal.example")
    #expect { try PortalSession(configuration: url, provider: nil) } throws: { error in
      (error as? PortalSessionError)?.code == .hostNotAllowed
    }
  }
}

@Suite struct Streams {
  @Test("Events come in order and without a gap, to each who asked for them, and end with the session")
  func events() async throws {
    let rig = try Rig()
    let streams = [rig.session.events, rig.session.events]
    _ = try await rig.session.lease()
    try await rig.session.clear()
    rig.session.close()
    for stream in streams {
      var seen: [PortalSession.Event] = []
      for await event in stream { seen.append(event) }
      #expect(seen.compactMap(\.kind).filter { $0 != .state && $0 != .store } == [.renewalStarted, .newToken, .cleared])
      #expect(zip(seen, seen.dropFirst()).allSatisfy { $1.sequence == $0.sequence + 1 })
    }
  }

  @Test("A status stream begins with the present status, shows the newest after a change, and ends with the session")
  func statuses() async throws {
    let rig = try Rig()
    let lease = try await rig.session.lease()
    var updates = rig.session.statusUpdates.makeAsyncIterator()
    #expect(await updates.next()?.state == .fresh)
    rig.session.report(lease, status: 401)
    while let status = await updates.next(), status.state != .rejected {}
    rig.session.close()
    while await updates.next() != nil {}
    var late = rig.session.statusUpdates.makeAsyncIterator()
    await eventually { await late.next() == nil }
  }

  @Test("Log lines come at the level that was asked for, and hold no token")
  func log() async throws {
    let lines = Shared<[String]>([])
    let rig = try Rig {
      $0.logLevel = .debug
      $0.log = { _, line in lines.change { $0.append(line) } }
    }
    _ = try await rig.session.lease()
    try await rig.session.clear()
    #expect(!lines.value.isEmpty)
    #expect(!lines.value.contains { $0.contains("token-1") })
  }
}
