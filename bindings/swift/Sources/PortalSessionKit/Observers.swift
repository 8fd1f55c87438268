// The one observer that the C ABI takes, fanned out to any number of streams.
import CPortalSession

final class Observers: Sendable {
  private struct Streams {
    var handle: SessionHandle?
    var isOver = false
    var next = 0
    var events: [Int: AsyncStream<PortalSession.Event>.Continuation] = [:]
    var statuses: [Int: AsyncStream<PortalSession.Status>.Continuation] = [:]
  }

  private let streams = Guarded(Streams())

  var callbacks: portal_observer {
    portal_observer(
      event: { userdata, event in
        let observers: Observers = object(userdata)
        observers.tell(PortalSession.Event(event.pointee))
      },
      userdata: retained(self),
      release: { userdata in
        let observers: Observers = object(userdata)
        observers.end()
        releaseObject(userdata)
      })
  }

  /// The handle is kept until the session ended, as events read the status by it.
  func attach(_ handle: SessionHandle) {
    streams.withLock { if !$0.isOver { $0.handle = handle } }
  }

  /// As many events wait for a slow reader as in the library itself; then the oldest go, and `sequence` shows the gap.
  func events() -> AsyncStream<PortalSession.Event> {
    AsyncStream(bufferingPolicy: .bufferingNewest(64)) { continuation in
      enter(continuation, in: \.events) { _ in nil }
    }
  }

  /// The present status first, then each change; a slow reader sees the newest only.
  func statuses() -> AsyncStream<PortalSession.Status> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      enter(continuation, in: \.statuses) { $0.status() }
    }
  }

  private func enter<Element: Sendable>(
    _ continuation: AsyncStream<Element>.Continuation,
    in list: WritableKeyPath<Streams, [Int: AsyncStream<Element>.Continuation]> & Sendable,
    first: (SessionHandle) -> Element?
  ) {
    let number = streams.withLock { streams -> Int? in
      guard !streams.isOver else { return nil }
      streams.next += 1
      streams[keyPath: list][streams.next] = continuation
      // Under the lock, so that no newer status can come before it.
      if let first = streams.handle.flatMap(first) { continuation.yield(first) }
      return streams.next
    }
    guard let number else { return continuation.finish() }
    continuation.onTermination = { [streams] _ in
      streams.withLock { _ = $0[keyPath: list].removeValue(forKey: number) }
    }
  }

  private func tell(_ event: PortalSession.Event) {
    streams.withLock { streams in
      for reader in streams.events.values { reader.yield(event) }
      guard !streams.statuses.isEmpty, let status = streams.handle?.status() else { return }
      for reader in streams.statuses.values { reader.yield(status) }
    }
  }

  private func end() {
    let ended = streams.withLock { streams in
      defer { streams = Streams(isOver: true) }
      return streams
    }
    for reader in ended.events.values { reader.finish() }
    for reader in ended.statuses.values { reader.finish() }
  }
}
