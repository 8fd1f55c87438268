// A clock that stands still until a test moves it.
import Foundation
import PortalSessionKit

/// Travels in time. After a move await ``PortalSession/clockChanged()`` of each session that reads it:
///
/// ```swift
/// clock.advance(by: 25 * 3600)
/// try await session.clockChanged()
/// ```
public final class ManualClock: SessionClock, @unchecked Sendable {
  private let lock = NSLock()
  private var reading = ClockReading(
    sinceBoot: 1_000_000, date: Date(timeIntervalSince1970: 1_800_000_000), bootTag: 1)

  public init() {}

  public func read() -> ClockReading {
    lock.lock()
    defer { lock.unlock() }
    return reading
  }

  /// Time passes, asleep or awake.
  public func advance(by interval: TimeInterval) {
    change { reading in
      reading.sinceBoot += interval
      reading.date += interval
    }
  }

  /// The user sets the date.
  public func moveDate(by interval: TimeInterval) { change { $0.date += interval } }

  /// The device restarts, and is up again after `interval`.
  public func reboot(after interval: TimeInterval) {
    change { reading in
      reading.sinceBoot = interval
      reading.date += interval
      reading.bootTag = (reading.bootTag ?? 0) + 1
    }
  }

  private func change(_ body: (inout ClockReading) -> Void) {
    lock.lock()
    defer { lock.unlock() }
    body(&reading)
  }
}
