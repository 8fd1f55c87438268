// What a session has and does, and what happens to it.
import CPortalSession
import Foundation

extension PortalSession {
  /// What a session has.
  public enum State: Int32, CaseIterable, Hashable, Sendable {
    /// The store is not read yet, or locked now.
    case unknown = 0
    /// No token yet.
    case none = 1
    /// A good token.
    case fresh = 2
    /// A good token near one of its deadlines.
    case expiring = 3
    /// At its seven days, or its age is not known: renewed first, used if that fails.
    case overdue = 4
    /// A day without a request: no longer good.
    case expired = 5
    /// Portal answered 401.
    case rejected = 6
    case signedOut = 7
  }

  /// Why the state is what it is; in a ``TokenRequest``, why a token is needed.
  public enum Reason: Int32, CaseIterable, Hashable, Sendable {
    case none = 0
    case loading = 1
    /// The keychain, or another store, is locked now.
    case storeUnavailable = 2
    /// There was no token yet.
    case first = 3
    case nearIdle = 4
    case idle = 5
    case nearAbsolute = 6
    case absolute = 7
    case rejected = 8
    case cleared = 9
    /// The provider said that the user must sign in.
    case declined = 10
    /// There was a record, but it cannot be read any more.
    case storageLost = 11
    /// The date was moved across a reboot.
    case clockUntrusted = 12
    case forced = 13
    /// The store holds another client's record; it is left untouched.
    case otherClient = 14
    /// The stored record is for another Portal URL; it is left untouched.
    case otherOrigin = 15
    /// The key does not open the stored record; it is left untouched.
    case wrongKey = 16
    /// Another version of this library wrote the record; it is left untouched.
    case otherVersion = 17
  }

  /// What an answer of Portal means for the token.
  public enum Verdict: Int32, CaseIterable, Hashable, Sendable {
    /// Says nothing about the token.
    case other = 0
    /// 2xx.
    case accepted = 1
    /// 401 and its other spellings: a new token is needed.
    case rejected = 2
    /// 403: never an expiry.
    case forbidden = 3
    case throttled = 4
    /// 5xx, or no answer at all.
    case unavailable = 5
  }

  /// How the token's age is known.
  public enum ClockVerdict: Int32, CaseIterable, Hashable, Sendable {
    case sameBoot = 0
    case wall = 1
    case untrusted = 2
  }

  /// Where the session is kept.
  public enum StoreVerdict: Int32, CaseIterable, Hashable, Sendable {
    case persistent = 0
    /// In memory: no store was given, or it does not work.
    case memoryOnly = 1
    /// Unavailable now; it is tried again.
    case locked = 2
    case lost = 3
  }

  /// What the session does about a new token.
  public enum Renewal: Int32, CaseIterable, Hashable, Sendable {
    case idle = 0
    case asking = 1
    /// Another process asks its provider; its token is adopted.
    case elsewhere = 2
    /// The provider is left alone after a failure.
    case backingOff = 3
    case declined = 4
  }

  /// What a session has and does, at one instant.
  public struct Status: Hashable, Sendable {
    public let state: State
    public let reason: Reason
    public let renewal: Renewal
    public let clock: ClockVerdict
    public let store: StoreVerdict
    /// nil: no token yet.
    public let generation: UInt64?
    /// nil: the store is yet to be read.
    public let epoch: UInt64?
    /// A day after the last request, for display; nil: no token, or its age is not known.
    public let idleDeadline: Date?
    /// Seven days after the issue, for display; nil: likewise.
    public let absoluteDeadline: Date?
    /// Negative: past it; nil: no token, or its age is not known.
    public let idleLeft: TimeInterval?
    public let absoluteLeft: TimeInterval?
    /// false: the clock cannot be trusted, so there are no deadlines to tell.
    public let areTimesKnown: Bool
    /// false: news of other processes may come late, as the store's folder cannot be watched.
    public let isStoreWatched: Bool
    /// While backing off.
    public let retryAfter: TimeInterval?
  }

  /// One change of a session.
  public struct Event: Hashable, Sendable {
    public enum Kind: Int32, CaseIterable, Hashable, Sendable {
      /// State or reason changed.
      case state = 1
      /// A new generation holds.
      case newToken = 2
      case rejected = 3
      case renewalStarted = 4
      /// No token this time: ``PortalSession/Event/code`` says why.
      case renewalFailed = 5
      case signInNeeded = 6
      case cleared = 7
      case store = 8
      case clock = 9
    }

    /// nil: a kind that only a newer library knows.
    public let kind: Kind?
    /// One more each; a gap means that older ones were dropped.
    public let sequence: UInt64
    public let state: State
    public let reason: Reason
    /// Why, for the kinds that tell of a failure.
    public let code: PortalSessionError.Code?
    public let generation: UInt64
    public let epoch: UInt64
    public let retryAfter: TimeInterval?
    public let at: Date
  }
}

// A value that only a newer library knows is read as the one that promises least.
extension PortalSession.State { init(_ raw: portal_state) { self = Self(rawValue: raw.rawValue) ?? .unknown } }
extension PortalSession.Reason { init(_ raw: portal_reason) { self = Self(rawValue: raw.rawValue) ?? .none } }
extension PortalSession.Verdict { init(_ raw: portal_verdict) { self = Self(rawValue: raw.rawValue) ?? .other } }
extension PortalSession.Renewal { init(_ raw: portal_renewal) { self = Self(rawValue: raw.rawValue) ?? .idle } }
extension PortalSession.ClockVerdict {
  init(_ raw: portal_clock_verdict) { self = Self(rawValue: raw.rawValue) ?? .untrusted }
}
extension PortalSession.StoreVerdict {
  init(_ raw: portal_store_verdict) { self = Self(rawValue: raw.rawValue) ?? .memoryOnly }
}

extension PortalSession.Status {
  init(_ raw: portal_status) {
    state = PortalSession.State(raw.state)
    reason = PortalSession.Reason(raw.reason)
    renewal = PortalSession.Renewal(raw.renewal)
    clock = PortalSession.ClockVerdict(raw.clock)
    store = PortalSession.StoreVerdict(raw.store)
    generation = raw.generation == 0 ? nil : raw.generation
    epoch = raw.epoch == 0 ? nil : raw.epoch
    idleDeadline = date(unixMilliseconds: raw.idle_deadline_unix_ms)
    absoluteDeadline = date(unixMilliseconds: raw.absolute_deadline_unix_ms)
    idleLeft = idleDeadline == nil ? nil : seconds(raw.idle_left_ms)
    absoluteLeft = absoluteDeadline == nil ? nil : seconds(raw.absolute_left_ms)
    areTimesKnown = raw.flags & UInt32(PORTAL_STATUS_TIMES_UNKNOWN) == 0
    isStoreWatched = raw.flags & UInt32(PORTAL_STATUS_UNWATCHED) == 0
    retryAfter = raw.retry_after_ms == 0 ? nil : seconds(raw.retry_after_ms)
  }
}

extension PortalSession.Event {
  init(_ raw: portal_event) {
    kind = Kind(rawValue: raw.kind.rawValue)
    sequence = raw.sequence
    state = PortalSession.State(raw.state)
    reason = PortalSession.Reason(raw.reason)
    code = PortalSessionError.Code(rawValue: raw.code.rawValue)
    generation = raw.generation
    epoch = raw.epoch
    retryAfter = raw.retry_after_ms == 0 ? nil : seconds(raw.retry_after_ms)
    at = Date(timeIntervalSince1970: seconds(raw.at_unix_ms))
  }
}
