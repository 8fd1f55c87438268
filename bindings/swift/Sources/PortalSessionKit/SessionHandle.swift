// The C handle, and how a configuration becomes one.
import CPortalSession
import Foundation

/// The handle of a session, given back when its last user goes.
final class SessionHandle: @unchecked Sendable {  // the C ABI takes calls from any thread
  let session: OpaquePointer
  let provided: LastError
  let stored: LastFault

  init(_ session: OpaquePointer, _ provided: LastError = LastError(nil), _ stored: LastFault = LastFault(nil)) {
    self.session = session
    self.provided = provided
    self.stored = stored
  }

  deinit { portal_session_release(session) }

  /// nil: closed.
  func status() -> PortalSession.Status? {
    var raw = portal_status.make()
    return portal_session_status(session, &raw, nil) == .PORTAL_OK ? PortalSession.Status(raw) : nil
  }
}

extension SessionHandle {
  convenience init(
    _ configuration: PortalSession.Configuration, provider: (any TokenProvider)?, observers: Observers
  ) throws {
    var options = portal_options.make()
    options.flags = configuration.allowsLoopback ? UInt32(PORTAL_ALLOW_LOOPBACK) : 0
    options.request_timeout_ms = positiveMilliseconds(configuration.requestTimeout)
    options.set(configuration.policy)

    let arena = TextArena()
    defer { arena.free() }
    options.name = arena.text(configuration.name)
    options.client_id = arena.text(configuration.clientID ?? "")
    options.role = arena.text(configuration.role ?? "")
    options.portal_url = arena.text(configuration.portalURL?.absoluteString ?? "")
    if configuration.allowedHosts?.isEmpty == true {
      throw PortalSessionError(
        .invalidArgument, message: "allowedHosts is empty, so the token could go nowhere: name a host, or leave it nil.")
    }
    if let hosts = configuration.allowedHosts { (options.allowed_hosts, options.allowed_host_count) = arena.texts(hosts) }

    // From here on everything is C's, which gives it back also where opening fails.
    options.observer = observers.callbacks
    let (provided, stored) = (LastError(nil), LastFault(nil))
    if let provider { options.provider = ProviderBridge(provider, provided).callbacks }
    if let store = configuration.store { options.store = StoreBridge(store, stored).callbacks }
    if let clock = configuration.clock { options.clock = clockCallbacks(clock) }
    if let log = configuration.log { options.log = logCallbacks(log, configuration.logLevel) }

    var session: OpaquePointer?
    try checked { portal_session_open(&options, &session, $0) }
    self.init(session!, provided, stored)
  }
}

extension portal_options {
  fileprivate mutating func set(_ policy: PortalSession.Policy) {
    idle_ms = policy.idle.cValue
    absolute_ms = policy.absolute.cValue
    margin_ms = policy.margin.cValue
    soft_window_ms = policy.softWindow.cValue
    renewal_lead_ms = policy.renewalLead.cValue
  }
}

extension PortalSession.PolicyTime {
  fileprivate var cValue: Int64 {
    switch self {
    case .default: 0
    case .none, .seconds(0): -1
    case .seconds(let seconds): positiveMilliseconds(seconds)
    }
  }
}

private final class ClockBox: Sendable {
  let clock: any SessionClock
  init(_ clock: any SessionClock) { self.clock = clock }
}

private func clockCallbacks(_ clock: any SessionClock) -> portal_clock {
  portal_clock(
    read: { userdata, out in
      let box: ClockBox = object(userdata)
      let reading = box.clock.read()
      out.pointee = portal_reading(
        boot_ms: milliseconds(reading.sinceBoot), unix_ms: milliseconds(reading.date.timeIntervalSince1970),
        boot_tag: reading.bootTag ?? 0)
    },
    userdata: retained(ClockBox(clock)), release: releaseObject)
}

private final class LogBox: Sendable {
  let line: @Sendable (PortalSession.LogLevel, String) -> Void
  init(_ line: @escaping @Sendable (PortalSession.LogLevel, String) -> Void) { self.line = line }
}

private func logCallbacks(
  _ line: @escaping @Sendable (PortalSession.LogLevel, String) -> Void, _ level: PortalSession.LogLevel
) -> portal_log {
  portal_log(
    line: { userdata, level, message in
      let box: LogBox = object(userdata)
      box.line(PortalSession.LogLevel(rawValue: level.rawValue) ?? .debug, String(message))
    },
    level: portal_level(rawValue: level.rawValue)!, reserved: 0, userdata: retained(LogBox(line)),
    release: releaseObject)
}

/// Texts that live as long as a call.
private final class TextArena {
  private var blocks: [UnsafeMutableRawPointer] = []

  func text(_ text: String) -> portal_text {
    let utf8 = Array(text.utf8)
    let block = allocate(UInt8.self, count: utf8.count)
    block.initialize(from: utf8, count: utf8.count)
    return portal_text(data: UnsafeRawPointer(block).assumingMemoryBound(to: CChar.self), length: utf8.count)
  }

  func texts(_ list: [String]) -> (UnsafePointer<portal_text>, Int) {
    let block = allocate(portal_text.self, count: list.count)
    for (index, entry) in list.enumerated() { (block + index).initialize(to: text(entry)) }
    return (UnsafePointer(block), list.count)
  }

  func free() {
    for block in blocks { block.deallocate() }
    blocks = []
  }

  private func allocate<Element>(_: Element.Type, count: Int) -> UnsafeMutablePointer<Element> {
    let block = UnsafeMutablePointer<Element>.allocate(capacity: max(count, 1))
    blocks.append(UnsafeMutableRawPointer(block))
    return block
  }
}
