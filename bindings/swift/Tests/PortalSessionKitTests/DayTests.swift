// A sample app's day: fake-portal over TLS, its backend, a keychain, a clock that a test moves.
//
// What goes wrong in it, and where its handling is: an expired token at start (one provider call for all), a backend that is
// down (back-off, an old token goes on), a provider that throws, answers late or after a logout (epochs), an answer that is
// lost or late, Portal's 401 (one replay), a keychain that is locked or lies (KeychainStore), a process that is killed and
// comes back, an extension beside the app (one store).
#if os(Linux)  // a Mac has a keychain of its own
  import Foundation
  import PortalSessionKit
  import PortalSessionTestKit
  import Security
  import Testing

  #if canImport(FoundationNetworking)
    import FoundationNetworking
  #endif

  /// The device: what outlives a process.
  private final class Device: Sendable {
    let portal: FakePortal
    let backend: Backend
    let clock = ManualClock()
    private let container = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

    init() async throws {
      FakeKeychain.shared.reset()
      portal = try FakePortal()
      backend = Backend(portal, client: try await portal.makeClient())
    }

    deinit {
      FakeKeychain.shared.reset()
      try? FileManager.default.removeItem(at: container)
    }

    /// A process starts: the app, or its extension.
    func launch(_ provider: (any TokenProvider)? = nil) throws -> PortalSession {
      var configuration = PortalSession.Configuration()
      configuration.store = KeychainStore(accessGroup: "group", container: container)
      configuration.portalURL = portal.url
      configuration.allowsLoopback = true
      configuration.clock = clock
      configuration.followsAppLifeCycle = false
      return try PortalSession(configuration: configuration, provider: provider ?? backend)
    }

    func request(_ session: PortalSession) async throws -> Int {
      let request = URLRequest(url: portal.url.appendingPathComponent("api/v3/clients/me"))
      let (_, response) = try await session.data(for: request, using: portal.session)
      return (response as! HTTPURLResponse).statusCode
    }

    /// Time passes for everyone; the running sessions are quiet while it does.
    func pass(_ interval: TimeInterval, _ sessions: PortalSession...) async throws {
      for session in sessions {
        await eventually { (try? session.status.renewal) != .asking }
        try await session.enteredBackground()
      }
      clock.advance(by: interval)
      try await portal.advance(by: interval)
      for session in sessions { try await session.clockChanged() }
    }
  }

  extension OneAtATime {
    @Suite struct Days {
      @Test("Ten screens that load at once with an expired token cost one provider call, and each gets its answer")
      func start() async throws {
        let device = try await Device()
        var app = try device.launch()
        #expect(try await device.request(app) == 200)
        try await device.pass(2 * day, app)
        app.close()

        app = try device.launch()
        app.prepare()
        let session = app
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<10 { group.addTask { try await device.request(session) } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 10))
        #expect(await device.backend.calls == 2)
        #expect(try await device.portal.counters.rejected == 0)
      }

      @Test("A week of use, relaunched each day, costs the tokens that Portal's rule asks for, and no 401")
      func week() async throws {
        let device = try await Device()
        for _ in 0..<8 {
          let app = try device.launch()
          for _ in 0..<3 {
            #expect(try await device.request(app) == 200)
            try await device.pass(5 * 3600, app)
          }
          try await app.enteredBackground()
          app.close()
          try await device.pass(9 * 3600 - 60)
        }
        #expect(await device.backend.calls == 2)
        #expect(try await device.portal.counters.rejected == 0)
      }

      @Test("In airplane mode a request fails as the network's, nobody is signed out, and the token is there on landing")
      func airplane() async throws {
        let device = try await Device()
        let app = try device.launch()
        #expect(try await device.request(app) == 200)
        try await device.portal.arm(["kind": "drop_before", "scope": "client", "times": 20])
        await #expect(throws: (any Error).self) { try await device.request(app) }
        #expect(try app.status.state == .fresh)
        try await device.portal.clear()
        #expect(try await device.request(app) == 200)
        #expect(await device.backend.calls == 1)
      }

      @Test("A backend that is down in the renewal lead costs nothing: the token goes on until it ends")
      func backendDown() async throws {
        let device = try await Device()
        let app = try device.launch()
        for _ in 0..<7 {
          #expect(try await device.request(app) == 200)
          try await device.pass(23.9 * 3600, app)
        }
        try await device.portal.arm(["kind": "status", "scope": "app", "status": 503, "times": 100])
        #expect(try await device.request(app) == 200)
        await eventually { await device.backend.calls == 2 }
        #expect(try await device.request(app) == 200)
        try await device.portal.clear()
        try await device.pass(600, app)
        _ = try await app.lease()
        await eventually { app.currentLease?.generation != nil && (try? app.status.renewal) == .idle }
      }

      @Test("A provider that throws is told to who waits, and the next try succeeds")
      func throwing() async throws {
        let device = try await Device()
        let provider = ScriptedProvider()
        await provider.answer { _ in throw URLError(.cannotConnectToHost) }
        let app = try device.launch(provider)
        #expect(await failure { try await device.request(app) } == .providerFailed)
        let backend = device.backend
        await provider.answer { _ in try await backend.token(for: TokenRequest(reason: .first)) }
        try await device.pass(600, app)
        #expect(try await device.request(app) == 200)
      }

      @Test("A logout during a renewal wins: the late token is dropped, here and after a relaunch")
      func logoutDuringRenewal() async throws {
        let device = try await Device()
        let app = try device.launch()
        try await device.portal.arm(["kind": "hold", "scope": "app"])
        async let code = failure { try await device.request(app) }
        await eventually { (try? await device.portal.counters.held) == 1 }
        try await app.clear()
        #expect(await code == .cleared)
        try await device.portal.release()
        #expect(app.currentLease == nil)
        app.close()
        let relaunched = try device.launch()
        #expect(await failure { try await device.request(relaunched) } == .signInNeeded)
        #expect(await device.backend.calls == 1)
      }

      @Test(
        "An app that is killed with a slide unsaved comes back with its token, and expects the end too early, never too late"
      )
      func killed() async throws {
        let device = try await Device()
        var app: PortalSession? = try device.launch()
        #expect(try await device.request(try #require(app)) == 200)
        app = nil  // no word of farewell
        try await device.pass(20 * 3600)
        let relaunched = try device.launch()
        #expect(try await device.request(relaunched) == 200)
        #expect(await device.backend.calls == 1)
      }

      @Test("A prewarmed start while the keychain is locked waits for it, and finds the token when it opens")
      func prewarmed() async throws {
        let device = try await Device()
        let before = try device.launch()
        #expect(try await device.request(before) == 200)
        try await before.enteredBackground()
        before.close()

        FakeKeychain.shared.fault = .notFoundLie
        let app = try device.launch()
        app.prepare()
        async let status = device.request(app)
        #expect(await failure { try await app.storeChanged() } == .storeUnavailable)
        #expect(try app.status.store == .locked)
        FakeKeychain.shared.fault = nil
        try await app.storeChanged()
        #expect(try await status == 200)
        #expect(await device.backend.calls == 1)
      }

      @Test("The app and its extension use one token; what one of them is refused, the other does not try")
      func together() async throws {
        let device = try await Device()
        let app = try device.launch()
        #expect(try await device.request(app) == 200)
        let ext = try device.launch()
        #expect(try await device.request(ext) == 200)
        #expect(await device.backend.calls == 1)
        try await device.portal.arm(["kind": "status", "scope": "client", "status": 401])
        #expect(try await device.request(ext) == 200)  // refused, renewed, sent again
        try await app.enteredForeground()
        #expect(try await device.request(app) == 200)
        #expect(await device.backend.calls == 2)
        try await app.clear()
        try await ext.enteredForeground()
        #expect(ext.currentLease == nil)
      }
    }
  }
#endif
