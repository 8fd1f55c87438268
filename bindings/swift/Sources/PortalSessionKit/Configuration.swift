// All that a session is given; nothing is set later.
import CPortalSession
import Foundation

extension PortalSession {
  /// What a session is like. The defaults are Portal's, and right for an app.
  public struct Configuration: Sendable {
    /// Names the session in its store: one for each user who stays signed in. At most 128 bytes.
    public var name = "default"
    /// Whose session; nil: learnt from the first token that names a client.
    public var clientID: String?
    /// Where the session is kept; nil: in memory, until the process ends. See ``KeychainStore``.
    public var store: (any RecordStore)?
    /// Portal's own address, where it is not `https://api.portalhq.io`. It joins the hosts that may get the token.
    public var portalURL: URL?
    /// Which process of the app this is, where several share the store: "app", "widget"; at most 16 ASCII characters. A new
    /// process of the same role does not wait for the token request of one that was killed. nil: each waits.
    public var role: String? = Role.current
    /// The hosts, with their sub-domains, that may get the token ("host" or "host:port"); nil: `portalhq.io`.
    public var allowedHosts: [String]?
    /// http and https to 127.0.0.1 and [::1]: for tests against a server on this machine.
    public var allowsLoopback = false
    /// How long the provider has: 1 s to 5 min.
    public var requestTimeout: TimeInterval = 30
    /// Portal's rule, where a test wants another one.
    public var policy = Policy()
    /// For tests that travel in time; nil: the system's.
    public var clock: (any SessionClock)?
    /// Takes log lines of `logLevel` and above. No line ever holds a secret.
    public var log: (@Sendable (LogLevel, String) -> Void)?
    public var logLevel = LogLevel.warning
    /// Hears from `NotificationCenter` when the app comes to the front, leaves it, or its keychain opens.
    public var followsAppLifeCycle = true

    public init() {}
  }

  /// One time of a ``Policy``. A number is its seconds: `policy.idle = 300`.
  public enum PolicyTime: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    case `default`
    /// No such time, where that has a meaning: margin, soft window, renewal lead. The same as zero seconds.
    case none
    case seconds(TimeInterval)

    public init(integerLiteral seconds: Int) { self = .seconds(TimeInterval(seconds)) }
    public init(floatLiteral seconds: TimeInterval) { self = .seconds(seconds) }
  }

  /// Portal's rule as numbers. Opening fails with ``PortalSessionError/Code/policy`` where one is out of its bounds.
  public struct Policy: Hashable, Sendable {
    /// From the last request to the end: 24 hours.
    public var idle = PolicyTime.default
    /// From the issue to the end: 7 days.
    public var absolute = PolicyTime.default
    /// For the clock's rate and the way to the server: 60 s.
    public var margin = PolicyTime.default
    /// Before the idle deadline, where the next request renews what it uses: 10 min.
    public var softWindow = PolicyTime.default
    /// Before the absolute deadline, where a new token is fetched behind the app's back: 6 hours, less a part by chance.
    public var renewalLead = PolicyTime.default

    public init() {}
  }

  public enum LogLevel: Int32, CaseIterable, Hashable, Sendable {
    case error = 1
    case warning = 2
    case info = 3
    case debug = 4
  }
}

/// One reading of a clock.
public struct ClockReading: Hashable, Sendable {
  /// Since boot, sleep included.
  public var sinceBoot: TimeInterval
  /// As the user may have set it.
  public var date: Date
  /// This boot's identity; nil: not known.
  public var bootTag: UInt64?

  public init(sinceBoot: TimeInterval, date: Date, bootTag: UInt64?) {
    self.sinceBoot = sinceBoot
    self.date = date
    self.bootTag = bootTag
  }

  /// What the system's clocks say.
  public static var system: ClockReading {
    var raw = portal_reading()
    portal_clock_system(&raw)
    return ClockReading(
      sinceBoot: seconds(raw.boot_ms), date: Date(timeIntervalSince1970: seconds(raw.unix_ms)),
      bootTag: raw.boot_tag == 0 ? nil : raw.boot_tag)
  }
}

/// A clock of the app's own, for tests. It is read inside the session's calls, on many threads at once: it must be quick and
/// call nothing of the session. After moving it await ``PortalSession/clockChanged()``.
public protocol SessionClock: AnyObject, Sendable {
  func read() -> ClockReading
}
