// What a lease of a valid token costs from Swift, beside the bare C call in the same run. Ends with 1 where Swift adds more
// than the limit.
import CPortalSession
import Foundation
import PortalSessionKit

let limit = 300.0  // ns, median
let rounds = 301
let callsPerRound = 1000

func openBare() -> OpaquePointer {
  var options = portal_options()
  portal_init(&options, MemoryLayout<portal_options>.size)
  var session: OpaquePointer?
  guard portal_session_open(&options, &session, nil) == .PORTAL_OK, let session else { fatalError("no session") }
  "a-token-of-usual-length-0123456789abcdef".withCString { text in
    var input = portal_token_input()
    portal_init(&input, MemoryLayout<portal_token_input>.size)
    input.token = portal_text(data: text, length: strlen(text))
    guard portal_session_push(session, &input, nil) == .PORTAL_OK else { fatalError("no token") }
  }
  return session
}

/// Nanoseconds for one call.
func measure(_ body: () async throws -> Void) async rethrows -> Double {
  let start = DispatchTime.now().uptimeNanoseconds
  for _ in 0..<callsPerRound { try await body() }
  return Double(DispatchTime.now().uptimeNanoseconds - start) / Double(callsPerRound)
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

let bare = openBare()
let session = try PortalSession(provider: nil)
try session.push("a-token-of-usual-length-0123456789abcdef")
_ = try await session.lease()
let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(PORTAL_TOKEN_MAX))

var inC: [Double] = []
var current: [Double] = []
var awaited: [Double] = []
for _ in 0..<rounds {
  let base = await measure {
    var lease = portal_lease()
    lease.struct_size = UInt32(MemoryLayout<portal_lease>.size)
    var length = Int(PORTAL_TOKEN_MAX)
    guard portal_lease_try(bare, &lease, buffer, &length, nil) == .PORTAL_OK else { fatalError("no lease") }
  }
  inC.append(base)
  current.append(await measure { guard session.currentLease != nil else { fatalError("no lease") } } - base)
  awaited.append(try await measure { _ = try await session.lease() } - base)
}
portal_session_release(bare)

func line(_ name: String, _ value: Double) -> String { name + String(format: "%8.1f ns", value) }
print(line("portal_lease_try from C         ", median(inC)))
print(line("currentLease, beside it         ", median(current)))
print(line("try await lease(), beside it    ", median(awaited)) + String(format: "  (at most %.0f)", limit))
exit(median(awaited) <= limit ? 0 : 1)
