// What fails, and how: the C ABI's codes, one to one, with their details.
import CPortalSession
import Foundation

/// A failure of a session. `code` says what failed, `message` the cause and the next step; neither ever holds a secret.
///
/// ```swift
/// do {
///   let lease = try await session.lease()
/// } catch PortalSessionError.Code.signInNeeded {
///   showSignIn()
/// } catch let error as PortalSessionError where error.isRetryable {
///   retry(after: error.retryAfter)
/// }
/// ```
public struct PortalSessionError: Error, Hashable, Sendable {
  /// How a call ended. The raw values are those of the C header, fixed for ever.
  public enum Code: Int32, CaseIterable, Hashable, Sendable {
    /// A mistake in the calling code.
    case invalidArgument = -1
    /// The session was closed.
    case closed = -2
    case bufferTooSmall = -3
    /// This build of the library lacks the part.
    case unsupported = -4
    case outOfMemory = -5
    /// A mistake in the library: please report it.
    case `internal` = -6
    /// A blocking call inside a callback.
    case inCallback = -7
    /// The lease, request or epoch is over: nothing happened, nothing is wrong.
    case stale = -8
    /// There is no token to give without waiting.
    case noToken = -9
    case timeout = -10
    /// Cancelled. A task that is cancelled sees `CancellationError` instead.
    case cancelled = -11
    /// The session was signed out meanwhile, here or by another process.
    case cleared = -12
    /// The user must sign in: until ``PortalSession/push(_:clientID:age:epoch:)`` or ``PortalSession/renew(timeout:isolation:)``.
    case signInNeeded = -13
    /// The provider failed, or is left alone for ``PortalSessionError/retryAfter``.
    case providerFailed = -14
    /// A token is needed, and only a push can bring it.
    case noProvider = -15
    /// Empty, too long, or not fit for a header.
    case badToken = -16
    /// The token belongs to another client: clear first, then push.
    case clientMismatch = -17
    /// The store is locked now; nothing is lost.
    case storeUnavailable = -18
    case storeFailed = -19
    /// The token may not go to that host.
    case hostNotAllowed = -20
    case network = -21
    /// A policy value of the configuration is out of its bounds.
    case policy = -22
    /// Portal rejects each new token: wait for ``PortalSessionError/retryAfter``.
    case refused = -23
    /// The token's age leaves less than the margin.
    case tokenTooOld = -24
    /// The provider gave the very token that is no longer good.
    case repeatedToken = -25
  }

  public let code: Code
  public let message: String
  /// Of the app's backend or of Portal; nil: there was no answer.
  public let httpStatus: Int?
  /// An `OSStatus`, an `errno` or the provider's own number; nil: none.
  public let osCode: Int?
  /// How long to wait before the same call can succeed; nil: not known.
  public let retryAfter: TimeInterval?
  /// The same call may succeed later.
  public let isRetryable: Bool
  /// What the provider threw last, where the provider is why; nil: nothing.
  public let underlyingError: (any Error)?

  public init(_ code: Code, message: String = "", osCode: Int? = nil) {
    self.code = code
    self.message = message
    self.osCode = osCode
    httpStatus = nil
    retryAfter = nil
    isRetryable = false
    underlyingError = nil
  }

  init(_ error: portal_error, _ provided: LastError? = nil) {
    // A code that only a newer library knows is still a failure, and its message still says which.
    code = Code(rawValue: error.code.rawValue) ?? .internal
    message = withUnsafeBytes(of: error.message) { text in
      String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
    httpStatus = error.http_status == 0 ? nil : Int(error.http_status)
    osCode = error.os_code == 0 ? nil : Int(error.os_code)
    retryAfter = error.retry_after_ms == 0 ? nil : seconds(error.retry_after_ms)
    isRetryable = error.flags & UInt32(PORTAL_FLAG_RETRYABLE) != 0
    switch code {
    case .providerFailed, .badToken, .clientMismatch, .tokenTooOld, .repeatedToken:
      underlyingError = provided?.withLock { $0 }
    default: underlyingError = nil
    }
  }
}

extension PortalSessionError {
  public static func == (left: Self, right: Self) -> Bool { left.compared == right.compared }
  public func hash(into hasher: inout Hasher) { hasher.combine(compared) }

  /// All but the underlying error, which cannot be compared.
  private var compared: [AnyHashable?] { [code, message, httpStatus, osCode, retryAfter, isRetryable] }
}

/// Stable numbers for crash reports and Objective-C: the domain is fixed, the code is the C header's.
extension PortalSessionError: CustomNSError {
  public static var errorDomain: String { "PortalSessionError" }
  public var errorCode: Int { Int(code.rawValue) }
  public var errorUserInfo: [String: Any] {
    var info: [String: Any] = [NSLocalizedDescriptionKey: description]
    info[NSUnderlyingErrorKey] = underlyingError as NSError?
    return info
  }
}

extension PortalSessionError.Code {
  /// Lets `catch PortalSessionError.Code.signInNeeded` match.
  public static func ~= (code: Self, error: any Error) -> Bool {
    (error as? PortalSessionError)?.code == code
  }
}

extension PortalSessionError: LocalizedError, CustomStringConvertible {
  public var errorDescription: String? { description }

  public var description: String {
    let name = String(cString: portal_name(.PORTAL_GROUP_CODE, code.rawValue))
    return message.isEmpty ? name : "\(name): \(message)"
  }
}

/// Calls a function of the C ABI; its failure becomes a `PortalSessionError`.
func checked(_ call: (UnsafeMutablePointer<portal_error>) -> portal_code) throws {
  var error = portal_error.make()
  guard call(&error) == .PORTAL_OK else { throw PortalSessionError(error) }
}
