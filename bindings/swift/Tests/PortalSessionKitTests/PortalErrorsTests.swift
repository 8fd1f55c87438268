// Errors as Portal's SDK throws them, by their shape alone.
import Foundation
import PortalSessionKit
import Testing

private enum PortalRequestsError: Error {
  case unauthorized
  case clientError(String)
  case couldNotParseHttpResponse
}

private struct PortalMpcError: Error {
  var id: String? = nil
  var code: Int = 0
  var message = "a text that may hold anything"
}

private enum HttpError: Error {
  case clientError(String)
}

private struct Wrapped: Error {
  let underlying: any Error
}

private enum Own: Error { case failed }

@Suite struct SDKErrors {
  @Test(
    "Each spelling of a dead token is a rejection",
    arguments: [
      PortalRequestsError.unauthorized,
      PortalMpcError(id: "AUTH_FAILED"),
      PortalMpcError(code: 202),
      PortalMpcError(id: "INVALID_API_KEY"),
      PortalMpcError(id: "SESSION_EXPIRED"),
      HttpError.clientError("Status: 401 Unauthorized"),
      PortalRequestsError.clientError("401 - Unauthorized: {}"),
      Wrapped(underlying: PortalRequestsError.unauthorized),
      Wrapped(underlying: Wrapped(underlying: PortalMpcError(id: "AUTH_FAILED"))),
    ] as [any Error])
  func rejected(error: any Error) {
    #expect(PortalErrors.verdict(error) == .rejected)
  }

  @Test(
    "Everything else says nothing of the token",
    arguments: [
      (PortalRequestsError.couldNotParseHttpResponse, .other),
      (PortalMpcError(id: "SIGN_FAILED", code: 320), .other),
      (PortalMpcError(message: "unauthorized"), .other),
      (HttpError.clientError("Status: 403 Forbidden"), .forbidden),
      (HttpError.clientError("Status: 429 Too Many Requests"), .throttled),
      (HttpError.clientError("Status: 500"), .unavailable),
      (URLError(.timedOut), .unavailable),
      (URLError(.cancelled), .other),
      (CancellationError(), .other),
      (PortalSessionError(.network), .other),
    ] as [(any Error, PortalSession.Verdict)])
  func others(error: any Error, verdict: PortalSession.Verdict) {
    #expect(PortalErrors.verdict(error) == verdict)
  }

  /// Holds one `Portal` object, as the documentation of `withToken` shows.
  private actor Wallet {
    private let session: PortalSession
    private var portal: (generation: UInt64, token: String)?
    private(set) var built = 0
    private var deaths: Int

    init(_ session: PortalSession, deaths: Int) {
      self.session = session
      self.deaths = deaths
    }

    func use(replays: Bool = false) async throws -> String {
      try await session.withToken(replays: replays) { lease in
        if portal?.generation != lease.generation {
          portal = (lease.generation, lease.token.text)
          built += 1
        }
        if deaths > 0 {
          deaths -= 1
          throw PortalRequestsError.unauthorized
        }
        session.report(lease, verdict: .accepted)
        return portal!.token
      }
    }
  }

  @Test("An object that holds a token is built anew when the generation changed, and only then")
  func rebuilds() async throws {
    let rig = try Rig()
    let wallet = Wallet(rig.session, deaths: 0)
    #expect(try await wallet.use() == "token-1")
    #expect(try await wallet.use() == "token-1")
    #expect(await wallet.built == 1)
    try await rig.session.renew()
    #expect(try await wallet.use() == "token-2")
    #expect(await wallet.built == 2)
  }

  @Test("A dead token that Portal's SDK meets is replaced, and the work done once more only where that was asked for")
  func replays() async throws {
    let rig = try Rig()
    let wallet = Wallet(rig.session, deaths: 1)
    await #expect(throws: PortalRequestsError.self) { try await wallet.use() }
    #expect(rig.session.currentLease == nil)
    #expect(try await wallet.use() == "token-2")

    let second = try Rig()
    #expect(try await Wallet(second.session, deaths: 1).use(replays: true) == "token-2")
    let third = try Rig()
    await #expect(throws: PortalRequestsError.self) { try await Wallet(third.session, deaths: 2).use(replays: true) }
    #expect(third.session.currentLease == nil)
  }
}
