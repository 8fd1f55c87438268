// Leases, reports and what a token may show.
import Foundation
import PortalSessionKit
import PortalSessionTestKit
import Testing

@Suite struct Leases {
  @Test("The first lease asks the provider, and later ones do not")
  func asksOnce() async throws {
    let rig = try Rig()
    #expect(rig.session.currentLease == nil)
    let lease = try await rig.session.lease()
    #expect(lease.token.text == "token-1")
    #expect(lease.token.headerValue == "Bearer token-1")
    #expect(rig.session.currentLease?.generation == lease.generation)
    #expect(try await rig.session.lease().generation == lease.generation)
    let requests = await rig.provider.requests
    #expect(requests.map(\.reason) == [.first])
    #expect(requests[0].attempt == 1)
    #expect(requests[0].clientID == nil)
    #expect(requests[0].deadline.timeIntervalSinceNow > 0)
  }

  @Test("An answer of 2xx slides the idle deadline from the send instant, and a day without one ends the token")
  func slides() async throws {
    let rig = try Rig()
    let first = try await rig.session.lease()
    try await rig.advance(by: day - 3600)
    var second = try await rig.session.lease()
    rig.session.stamp(&second)
    #expect(rig.session.report(second, status: 200))
    try await rig.advance(by: day - 3600)
    #expect(try await rig.session.lease().generation == first.generation)
    try await rig.advance(by: 3600)
    #expect(try rig.session.status.state == .expired)
    #expect(try await rig.session.lease().generation > first.generation)
    #expect(await rig.provider.requests.map(\.reason) == [.first, .idle])
  }

  @Test("A report of 401 ends the token before it returns, and only a newer one is given")
  func rejected() async throws {
    let rig = try Rig()
    let lease = try await rig.session.lease()
    #expect(rig.session.report(lease, status: 401))
    #expect(rig.session.currentLease == nil)
    let newer = try await rig.session.lease(newerThan: lease)
    #expect(newer.token.text == "token-2")
    #expect(await rig.provider.requests.last?.reason == .rejected)
  }

  @Test("A report of 403, 429 or 5xx changes nothing", arguments: [403, 429, 500, 503])
  func changesNothing(status: Int) async throws {
    let rig = try Rig()
    let lease = try await rig.session.lease()
    rig.session.report(lease, status: status)
    #expect(rig.session.currentLease?.generation == lease.generation)
  }

  @Test("A sign-out ends the token and all leases of before, and a push signs in again")
  func signsOut() async throws {
    let rig = try Rig()
    let lease = try await rig.session.lease()
    let epoch = try rig.session.status.epoch
    try await rig.session.clear()
    #expect(rig.session.currentLease == nil)
    #expect(!rig.session.report(lease, status: 200))
    #expect(await failure { try await rig.session.lease() } == .signInNeeded)
    #expect(throws: PortalSessionError.self) { try rig.session.push("late", epoch: epoch) }
    try rig.session.push("pushed", clientID: "another")
    #expect(try await rig.session.lease().token.text == "pushed")
    #expect(rig.store.record()?.range(of: Data("token-1".utf8)) == nil)
  }

  @Test("A switch of users takes one step: no caller gets a sign-in error, and the first user's token is gone")
  func switches() async throws {
    let rig = try Rig()
    let first = try await rig.session.lease()
    let epoch = try #require(try rig.session.status.epoch)
    var events = rig.session.events.makeAsyncIterator()
    try await rig.session.switchUser(to: "second-user", clientID: "another", epoch: epoch)
    #expect(try await rig.session.lease().token.text == "second-user")
    #expect(!rig.session.report(first, status: 200))
    #expect(rig.store.record()?.range(of: Data("token-1".utf8)) == nil)
    while let event = await events.next() {
      #expect(event.kind != .signInNeeded)
      if event.kind == .newToken { break }
    }
    #expect(await rig.provider.requests.count == 1)
  }

  @Test("A switch to a token that cannot be used, or of an epoch that is over, leaves the present user signed in")
  func switchRefused() async throws {
    let rig = try Rig()
    let lease = try await rig.session.lease()
    let epoch = try #require(try rig.session.status.epoch)
    #expect(await failure { try await rig.session.switchUser(to: "null") } == .badToken)
    #expect(await failure { try await rig.session.switchUser(to: "token", clientID: "client 1") } == .invalidArgument)
    #expect(await failure { try await rig.session.switchUser(to: "token", epoch: epoch + 1) } == .stale)
    #expect(await failure { try await rig.session.switchUser(to: "token", epoch: 0) } == .stale)
    #expect(rig.session.currentLease?.generation == lease.generation)
  }

  @Test("A lease with a timeout of zero gives what there is and waits for nothing")
  func zeroTimeout() async throws {
    let rig = try Rig()
    let answer = Gate()
    await rig.provider.answer { _ in
      await answer.wait()
      return .token("token")
    }
    #expect(await failure { try await rig.session.lease(timeout: 0) } == .timeout)
    #expect(await failure { try await rig.session.renew(timeout: 0) } == .timeout)
    answer.open()
    let lease = try await rig.session.lease()
    #expect(try await rig.session.lease(timeout: 0).generation == lease.generation)
    try await rig.session.clear()
    #expect(await failure { try await rig.session.lease(timeout: 0) } == .signInNeeded)
  }

  @Test(
    "A timeout that is no duration, or over ten minutes, is refused",
    arguments: [-1, -0.0001, .nan, 601, .infinity] as [TimeInterval])
  func refusedTimeout(timeout: TimeInterval) async throws {
    let rig = try Rig()
    #expect(await failure { try await rig.session.lease(timeout: timeout) } == .invalidArgument)
  }

  @Test("A timeout under a millisecond is one of a millisecond, not the default")
  func shortTimeout() async throws {
    let rig = try Rig()
    await rig.provider.answer { _ in try await untilCancelled() }
    async let code = failure { try await rig.session.lease(timeout: 0.0001) }
    await eventually { await rig.provider.requests.count == 1 }
    rig.clock.advance(by: 1)
    try await rig.session.clockChanged()
    #expect(await code == .timeout)
  }

  @Test("A status without a token, or with a clock that cannot be trusted, names no deadline and no time left")
  func unknownTimes() async throws {
    let rig = try Rig()
    try await rig.session.storeChanged()
    let empty = try rig.session.status
    #expect(empty.generation == nil)
    #expect(empty.idleDeadline == nil && empty.idleLeft == nil && empty.absoluteLeft == nil)
    #expect(empty.areTimesKnown && empty.isStoreWatched)

    _ = try await rig.session.lease()
    #expect(try #require(try rig.session.status.idleLeft) > 0)
    try await rig.session.enteredBackground()
    rig.clock.moveDate(by: -10 * day)
    rig.clock.reboot(after: 60)
    let later = try Rig(store: rig.store) { $0.clock = rig.clock }
    try await later.session.storeChanged()
    let untrusted = try later.session.status
    #expect(untrusted.reason == .clockUntrusted)
    #expect(!untrusted.areTimesKnown)
    #expect(untrusted.idleDeadline == nil && untrusted.idleLeft == nil)
    #expect(untrusted.absoluteDeadline == nil && untrusted.absoluteLeft == nil)
  }

  @Test("A renewal brings a token made after it, though the present one is good")
  func renews() async throws {
    let rig = try Rig()
    let first = try await rig.session.lease()
    let second = try await rig.session.renew()
    #expect(second.generation > first.generation)
    #expect(await rig.provider.requests.last?.reason == .forced)
  }

  @Test("Preparing at start renews a token that ended overnight, before anyone asks")
  func prepares() async throws {
    let rig = try Rig()
    _ = try await rig.session.lease()
    try await rig.advance(by: 2 * day)
    var events = rig.session.events.makeAsyncIterator()
    rig.session.prepare()
    while let event = await events.next(), event.kind != .newToken {}
    #expect(rig.session.currentLease?.token.text == "token-2")
  }

  @Test("A token has no printable form, and neither have its lease and the session's explanation")
  func showsNothing() async throws {
    let rig = try Rig()
    let lease = try await rig.session.lease()
    var dumped = ""
    dump(lease, to: &dumped)
    for text in ["\(lease)", "\(lease.token)", String(reflecting: lease), dumped, try rig.session.explain()] {
      #expect(!text.contains("token-1"))
    }
  }

  @Test("Explaining gives JSON that names the state")
  func explains() async throws {
    let rig = try Rig()
    _ = try await rig.session.lease()
    let text = try rig.session.explain()
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    #expect(object?["state"] as? String == "fresh")
  }

  @Test("A closed session says so, and ends who waits")
  func closes() async throws {
    let rig = try Rig()
    let asked = Gate()
    await rig.provider.answer { _ in
      asked.open()
      try await untilCancelled()  // by the close, which withdraws the request
    }
    async let code = failure { try await rig.session.lease() }
    await asked.wait()
    rig.session.close()
    #expect(await code == .closed)
    #expect(await failure { try await rig.session.lease() } == .closed)
    #expect(throws: PortalSessionError.self) { try rig.session.status }
  }
}
