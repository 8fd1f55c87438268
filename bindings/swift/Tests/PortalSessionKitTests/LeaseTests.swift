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
