// The secret: a token that is wiped when it is no longer used, and that no print shows.
import CPortalSession

/// A Client Session Token. Its memory is wiped when the last reference goes, and it has no printable form: ask for
/// ``text`` or ``headerValue`` where a request needs it, and let go of that text soon.
public final class SessionToken: Sendable, CustomStringConvertible, CustomReflectable {
  // Written in `init` alone, so that threads may share it.
  private nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer

  init(_ source: UnsafeRawBufferPointer) {
    bytes = .allocate(byteCount: source.count, alignment: 1)
    bytes.copyMemory(from: source)
  }

  deinit {
    portal_wipe(bytes.baseAddress, bytes.count)
    bytes.deallocate()
  }

  /// The token itself, as `Portal(_:)` takes it. Swift keeps such a copy for as long as something refers to it.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The value of the header `Authorization`.
  public var headerValue: String { "Bearer \(text)" }

  public var description: String { "<session token>" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
