// URLSession with the token, against fake-portal over TLS.
import Foundation
import PortalSessionTestKit
import Testing

@testable import PortalSessionKit

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// An app: fake-portal, its backend, and a session.
struct World {
  let portal: FakePortal
  let backend: Backend
  let clock = ManualClock()
  let session: PortalSession

  init(_ change: (inout PortalSession.Configuration) -> Void = { _ in }, options: String...) async throws {
    portal = try FakePortal()
    backend = Backend(portal, client: try await portal.makeClient())
    var configuration = PortalSession.Configuration()
    configuration.portalURL = portal.url
    configuration.allowsLoopback = true
    configuration.clock = clock
    configuration.followsAppLifeCycle = false
    change(&configuration)
    session = try PortalSession(configuration: configuration, provider: backend)
  }

  func request(_ path: String = "api/v3/clients/me", method: String = "GET") -> URLRequest {
    var request = URLRequest(url: portal.url.appendingPathComponent(path))
    request.httpMethod = method
    return request
  }

  /// The status of an answer to a request with the token.
  func send(_ request: URLRequest? = nil, replay: PortalSession.Replay = .ifIdempotent) async throws -> Int {
    let (_, response) = try await session.data(for: request ?? self.request(), using: portal.session, replay: replay)
    return (response as! HTTPURLResponse).statusCode
  }

  func advance(by interval: TimeInterval) async throws {
    try await session.enteredBackground()
    clock.advance(by: interval)
    try await portal.advance(by: interval)
    try await session.clockChanged()
  }
}

/// Tests that use what a machine has one of: the file of trusted certificates, and the keychain.
@Suite(.serialized) struct OneAtATime {}

extension OneAtATime {
  @Suite struct Requests {
    @Test("A request to Portal carries the token, and its answer slides the deadline")
    func carries() async throws {
      let world = try await World()
      #expect(try await world.send() == 200)
      try await world.advance(by: day - 3600)
      #expect(try await world.send() == 200)
      try await world.advance(by: day - 3600)
      #expect(try await world.send() == 200)
      #expect(await world.backend.calls == 1)
      #expect(try await world.portal.counters.slides == 3)
    }

    @Test("A GET that meets a 401 is sent once more with a newer token")
    func replays() async throws {
      let world = try await World()
      _ = try await world.send()
      try await world.portal.arm(["kind": "status", "scope": "client", "status": 401])
      #expect(try await world.send() == 200)
      #expect(await world.backend.calls == 2)
      #expect(try await world.portal.counters.requests == 3)
    }

    @Test("A second 401 goes to the caller: there is no third request")
    func replaysOnce() async throws {
      let world = try await World()
      try await world.portal.arm(["kind": "status", "scope": "client", "status": 401, "times": 5])
      #expect(try await world.send() == 401)
      #expect(try await world.portal.counters.requests == 2)
    }

    @Test("A POST that meets a 401 is not sent again, unless the caller says that it may be")
    func postsOnce() async throws {
      let world = try await World()
      let post = world.request("rpc/v1/eip155/1", method: "POST")
      try await world.portal.arm(["kind": "status", "scope": "client", "status": 401])
      #expect(try await world.send(post) == 401)
      #expect(try await world.portal.counters.requests == 1)
      try await world.portal.arm(["kind": "status", "scope": "client", "status": 401])
      #expect(try await world.send(post, replay: .always) == 200)
    }

    @Test("An upload carries the token and its body")
    func uploads() async throws {
      let world = try await World()
      let (_, response) = try await world.session.upload(
        for: world.request("rpc/v1/eip155/1", method: "POST"), from: Data("{}".utf8), using: world.portal.session)
      #expect((response as? HTTPURLResponse)?.statusCode == 200)
    }

    @Test("A request to another host goes untouched: no lease, no header, no report")
    func otherHosts() async throws {
      let world = try await World {
        $0.portalURL = nil
        $0.allowsLoopback = false
      }
      #expect(try await world.send() == 401)
      #expect(await world.backend.calls == 0)
      let sent = try await world.session.authorize(world.request())
      #expect(sent.lease == nil)
      #expect(sent.request.value(forHTTPHeaderField: "Authorization") == nil)
    }

    // Foundation on Linux asks the delegate of a task about no redirect, so its answer is looked at here.
    @Test("A redirect is not followed with the token, and any other is")
    func redirects() async throws {
      let world = try await World()
      let with = try await world.session.authorize(world.request())
      let without = try await world.session.authorize(URLRequest(url: URL(string: "https://example.com")!))
      let urlSession = world.portal.session
      let task = urlSession.dataTask(with: with.request)
      let redirect = try #require(
        HTTPURLResponse(url: world.portal.url, statusCode: 302, httpVersion: nil, headerFields: nil))
      for (sent, expected) in [(with, nil), (without, without.request)] {
        let next = await withCheckedContinuation { continuation in
          TaskObserver(sent).urlSession(
            urlSession, task: task, willPerformHTTPRedirection: redirect, newRequest: without.request
          ) { continuation.resume(returning: $0) }
        }
        #expect(next == expected)
      }
    }

    @Test("What the target of a redirect answers says nothing of the token")
    func redirected() async throws {
      let world = try await World()
      _ = try await world.send()
      let idle = try world.session.status.idleDeadline
      try await world.advance(by: 3600)
      for status in [200, 401] {
        let target = world.portal.url.appendingPathComponent("api/v3/clients/me/balances").absoluteString
        try await world.portal.arm(["kind": "status", "scope": "client", "status": 302, "location": target])
        try await world.portal.arm(["kind": "status", "scope": "client", "status": status])
        #expect(try await world.send() == status)
        #expect(try world.session.status.idleDeadline == idle)
        #expect(try world.session.status.state == .fresh)
      }
    }

    @Test("An answer of a cache slides nothing")
    func cached() async throws {
      let world = try await World()
      _ = try await world.send()
      let idle = try world.session.status.idleDeadline
      try await world.advance(by: 3600)
      let sent = try await world.session.authorize(world.request())
      let response = try #require(
        HTTPURLResponse(url: sent.request.url!, statusCode: 200, httpVersion: nil, headerFields: nil))
      world.session.report(sent, response: response, isFromCache: true)
      #expect(try world.session.status.idleDeadline == idle)
      world.session.report(sent, response: response)
      #expect(try world.session.status.idleDeadline != idle)
    }

    @Test(
      "An answer counts where its URL is the request's own in the form that URLSession brings it to",
      arguments: [
        ("https://API.portalhq.io", "https://api.portalhq.io/", true),
        ("https://api.portalhq.io:443/a", "https://api.portalhq.io/a", true),
        ("https://api.portalhq.io./a", "HTTPS://api.portalhq.io/a", true),
        ("https://api.portalhq.io/a", "https://api.portalhq.io/b", false),
        ("https://api.portalhq.io/a", "https://web.portalhq.io/a", false),
        ("https://api.portalhq.io/a", "http://api.portalhq.io/a", false),
      ])
    func normalised(asked: String, answered: String, counts: Bool) async throws {
      let session = try PortalSession(provider: nil)
      try session.push("token")
      let sent = try await session.authorize(URLRequest(url: URL(string: asked)!))
      #expect(sent.lease != nil)
      let refused = HTTPURLResponse(
        url: URL(string: answered)!, statusCode: 401, httpVersion: nil, headerFields: nil)!
      #expect(session.report(sent, response: refused) == counts)
      #expect((session.currentLease == nil) == counts)
    }

    @Test("No print of an authorized request, or of a provider's answer, shows the token")
    func showsNothing() async throws {
      let session = try PortalSession(provider: nil)
      try session.push("T-secret")
      let sent = try await session.authorize(URLRequest(url: URL(string: "https://api.portalhq.io")!))
      let answer = TokenAnswer.token("T-secret")
      var dumped = ""
      dump(sent, to: &dumped)
      dump(answer, to: &dumped)
      for text in ["\(sent)", String(reflecting: sent), "\(answer)", String(reflecting: answer), dumped] {
        #expect(!text.contains("T-secret"))
      }
    }

    @Test("A stack of the app's own gets an authorized request, and a newer one after a 401")
    func adapts() async throws {
      let world = try await World()
      let first = try await world.session.authorize(world.request())
      let refused = try #require(
        HTTPURLResponse(url: first.request.url!, statusCode: 401, httpVersion: nil, headerFields: nil))
      world.session.report(first, response: refused)
      let second = try await world.session.authorize(world.request(), after: first)
      #expect(second.lease!.generation > first.lease!.generation)
      #expect(
        second.request.value(forHTTPHeaderField: "Authorization")
          != first.request.value(forHTTPHeaderField: "Authorization"))
    }

    @Test(
      "The token goes to no host that only looks like Portal's",
      arguments: [
        "http://api.portalhq.io", "https://portalhq.io.example", "https://user@api.portalhq.io",
        "https://api.portalhq.io:8443",
        "https://127.0.0.1", "ftp://api.portalhq.io", "file:///etc/hosts", "https://api.portalhq.io%2eexample",
      ])
    func lookAlikes(url: String) throws {
      let session = try PortalSession(provider: nil)
      #expect(!session.allows(try #require(URL(string: url))))
      #expect(session.allows(try #require(URL(string: "https://api.portalhq.io/api/v3/clients/me"))))
    }
  }
}
