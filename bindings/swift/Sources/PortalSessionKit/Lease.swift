// A ticket for requests with one token.
import CPortalSession
import Foundation

/// A token and what belongs to it: its generation, and the instant from which Portal's answer counts. It serves any
/// number of requests; it is never given back. Report what Portal answered by ``PortalSession/report(_:status:)``.
public struct Lease: Sendable {
  public let token: SessionToken
  var ticket: portal_lease

  /// Grows by one with each new token: build what holds a token anew when it changes.
  public var generation: UInt64 { ticket.generation }
  /// Grows by one with each sign-out.
  public var epoch: UInt64 { ticket.epoch }
  /// Past its seven days, or of unknown age, with no new token to be had: Portal may refuse it.
  public var isOverdue: Bool { ticket.flags & UInt32(PORTAL_LEASE_OVERDUE) != 0 }
  /// The token is not in the store: it ends with this process.
  public var isMemoryOnly: Bool { ticket.flags & UInt32(PORTAL_LEASE_MEMORY_ONLY) != 0 }
  /// To the nearer deadline, when the lease was handed out.
  public var timeLeft: TimeInterval { seconds(ticket.left_ms) }
  /// When the request left, or will be taken to have left: see ``PortalSession/stamp(_:)``.
  public var sentAt: Date { Date(timeIntervalSince1970: seconds(ticket.sent_unix_ms)) }
}

extension Lease: CustomStringConvertible {
  public var description: String { "<lease of generation \(generation), epoch \(epoch)>" }
}
