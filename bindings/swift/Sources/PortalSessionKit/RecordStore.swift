// A store of the app's own: what it promises, and how C reaches it.
import CPortalSession
import Foundation

/// Keeps a session's record. See ``KeychainStore`` for the one to use on Apple platforms.
///
/// Records are opaque, 8 KiB at most, and **in clear**: the store protects them. Both functions may block, for ten seconds at
/// most: they run on a thread that only sessions with such stores share, never on the main thread.
public protocol RecordStore: Sendable {
  func load(_ name: String) -> RecordLoad
  /// Writes `record` only if the stored revision is `revision` − 1 (nothing stored counts as 0), else answers
  /// ``RecordSave/conflict``. A sign-out is a save too, of a record without a token. Where two processes share the store
  /// (an app and its extension) comparing and writing must be one step.
  func save(_ record: Data, revision: UInt64, name: String) -> RecordSave
}

/// What a store has.
public enum RecordLoad: Hashable, Sendable {
  case found(Data, revision: UInt64)
  /// Surely nothing there. A keychain before first unlock is ``unavailable``, whatever it says.
  case absent
  /// Cannot be told now: tried again; nothing is dropped, nobody is signed out.
  case unavailable
  /// Does not work: the session goes on in memory, and ``PortalSession/storeError`` says why.
  case failed(RecordFault)
}

/// Why a store does not work.
public struct RecordFault: Hashable, Sendable {
  /// The system's number: an `OSStatus`, an `errno`. 0: it has none.
  public let code: Int32
  /// The cause and the next step, without a secret.
  public let message: String

  public init(code: Int32, message: String = "") {
    self.code = code
    self.message = message
  }
}

/// How a save ended.
public enum RecordSave: Hashable, Sendable {
  case saved
  /// The stored revision was another one; nothing was written.
  case conflict
  /// Cannot be written now: tried again.
  case unavailable
  /// Its number is shown by ``PortalSession/explain()``.
  case failed(RecordFault)
}

/// Why a store does not work; nil: its last answer says nothing of the kind.
typealias LastFault = Guarded<RecordFault?>

final class StoreBridge: Sendable {
  private let store: any RecordStore
  private let present: LastFault

  init(_ store: any RecordStore, _ present: LastFault) {
    self.store = store
    self.present = present
  }

  var callbacks: portal_store {
    portal_store(
      load: { userdata, id, name in
        let bridge: StoreBridge = object(userdata)
        bridge.load(id, String(name))
      },
      save: { userdata, id, name, revision, record in
        let bridge: StoreBridge = object(userdata)
        bridge.save(id, String(name), revision, record)
      },
      userdata: retained(self), release: releaseObject)
  }

  private func load(_ id: UInt64, _ name: String) {
    func answer(_ found: portal_found) { portal_store_loaded(id, found, 0, portal_bytes(), nil) }
    let loaded = store.load(name)
    switch loaded {
    case .failed(let fault): present.withLock { $0 = fault }
    default: present.withLock { $0 = nil }
    }
    switch loaded {
    case .found(let record, let revision):
      record.withUnsafeBytes { bytes in
        _ = portal_store_loaded(
          id, .PORTAL_FOUND, revision, portal_bytes(data: bytes.baseAddress, length: bytes.count), nil)
      }
    case .absent: answer(.PORTAL_ABSENT)
    case .unavailable: answer(.PORTAL_UNAVAILABLE)
    case .failed: answer(.PORTAL_FAILED)
    }
  }

  private func save(_ id: UInt64, _ name: String, _ revision: UInt64, _ record: portal_bytes) {
    let (saved, code): (portal_saved, Int32) =
      switch store.save(wipedCopy(record), revision: revision, name: name) {
      case .saved: (.PORTAL_SAVED, 0)
      case .conflict: (.PORTAL_CONFLICT, 0)
      case .unavailable: (.PORTAL_SAVE_UNAVAILABLE, 0)
      case .failed(let fault): (.PORTAL_SAVE_FAILED, keep(fault).code)
      }
    if saved == .PORTAL_SAVED { present.withLock { $0 = nil } }
    portal_store_saved(id, saved, code, nil)
  }

  private func keep(_ fault: RecordFault) -> RecordFault {
    present.withLock { $0 = fault }
    return fault
  }
}

/// A copy that is wiped when its last user lets go.
private func wipedCopy(_ record: portal_bytes) -> Data {
  guard let source = record.data, record.length > 0 else { return Data() }
  let copy = UnsafeMutableRawPointer.allocate(byteCount: record.length, alignment: 1)
  copy.copyMemory(from: source, byteCount: record.length)
  return Data(
    bytesNoCopy: copy, count: record.length,
    deallocator: .custom { memory, count in
      portal_wipe(memory, count)
      memory.deallocate()
    })
}
