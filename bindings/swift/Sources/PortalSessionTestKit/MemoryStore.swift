// A store in memory, with the faults of a real one.
import Foundation
import PortalSessionKit

/// Outlives sessions as a keychain does: two sessions on one store are an app before and after its relaunch, or an app and
/// its extension.
public final class MemoryStore: RecordStore, @unchecked Sendable {
  /// What goes wrong until it is set back.
  public enum Fault: Sendable {
    /// Locked: every answer is "unavailable now".
    case locked
    /// Does not work at all.
    case broken
  }

  private let lock = NSLock()
  private var records: [String: (record: Data, revision: UInt64)] = [:]
  private var present: Fault?

  public init() {}

  public var fault: Fault? {
    get { withLock { present } }
    set { withLock { present = newValue } }
  }

  public func load(_ name: String) -> RecordLoad {
    withLock {
      switch present {
      case .locked: .unavailable
      case .broken: .failed(RecordFault(code: 5))
      case nil: records[name].map { .found($0.record, revision: $0.revision) } ?? .absent
      }
    }
  }

  public func save(_ record: Data, revision: UInt64, name: String) -> RecordSave {
    withLock {
      switch present {
      case .locked: return .unavailable
      case .broken: return .failed(RecordFault(code: 5))
      case nil: break
      }
      guard (records[name]?.revision ?? 0) == revision - 1 else { return .conflict }
      records[name] = (Data(record), revision)
      return .saved
    }
  }

  /// What is stored, to look for what must not be there.
  public func record(_ name: String = "default") -> Data? { withLock { records[name]?.record } }

  private func withLock<Result>(_ body: () -> Result) -> Result {
    lock.lock()
    defer { lock.unlock() }
    return body()
  }
}
