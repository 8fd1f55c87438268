// Prints what a lease of a valid token costs from Swift, beside the bare C call in the same run. The figures are for the
// reader: a time depends on the processor, so none of them fails.
import CPortalSession
import Foundation
import PortalSessionKit

let rounds = 301
private let callsPerRound = 1000

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

/// Nanoseconds for one call. Each loop is a function of its own, so that no call changes its actor on the way.
enum Loops {
  static func bare(_ session: OpaquePointer, _ buffer: UnsafeMutablePointer<CChar>) -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    for _ in 0..<callsPerRound {
      var lease = portal_lease()
      lease.struct_size = UInt32(MemoryLayout<portal_lease>.size)
      var length = Int(PORTAL_TOKEN_MAX)
      guard portal_lease_try(session, &lease, buffer, &length, nil) == .PORTAL_OK else { fatalError("no lease") }
    }
    return Double(DispatchTime.now().uptimeNanoseconds - start) / Double(callsPerRound)
  }

  static func current(_ session: PortalSession) -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    for _ in 0..<callsPerRound { guard session.currentLease != nil else { fatalError("no lease") } }
    return Double(DispatchTime.now().uptimeNanoseconds - start) / Double(callsPerRound)
  }

  static func awaited(_ session: PortalSession) async throws -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    for _ in 0..<callsPerRound { _ = try await session.lease() }
    return Double(DispatchTime.now().uptimeNanoseconds - start) / Double(callsPerRound)
  }
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
  let base = Loops.bare(bare, buffer)
  inC.append(base)
  current.append(Loops.current(session) - base)
  awaited.append(try await Loops.awaited(session) - base)
}
portal_session_release(bare)

func line(_ name: String, _ value: Double) -> String { name + String(format: "%8.1f ns", value) }
print(line("portal_lease_try from C         ", median(inC)))
print(line("currentLease, beside it         ", median(current)))
print(line("try await lease(), beside it    ", median(awaited)))
