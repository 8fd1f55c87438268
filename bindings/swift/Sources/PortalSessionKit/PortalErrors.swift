// What an error of Portal's own SDK means for the token, without importing that SDK.
import CPortalSession
import Foundation

/// Reads errors of Portal's SDK for iOS. It reports a dead token in several spellings: `PortalRequestsError.unauthorized`,
/// an MPC error with the id `AUTH_FAILED` or the code 202, `SESSION_EXPIRED`, or a text that starts with its status.
public enum PortalErrors {
  /// ``PortalSession/Verdict/rejected``: report the lease so, and get a newer one.
  public static func verdict(_ error: any Error) -> PortalSession.Verdict {
    if error is PortalSessionError || error is CancellationError { return .other }
    if let error = error as? URLError { return error.code == .cancelled ? .other : .unavailable }
    return verdict(of: error, depth: 4)
  }

  // Errors wrap errors: the first level that says something of the token counts.
  private static func verdict(of value: Any, depth: Int) -> PortalSession.Verdict {
    let mirror = Mirror(reflecting: value)
    let own = Facts(value, mirror).verdict
    guard own == .other, depth > 0 else { return own }
    for child in mirror.children {
      let inner = verdict(of: child.value, depth: depth - 1)
      if inner != .other { return inner }
    }
    return .other
  }
}

/// What one level of an error shows.
private struct Facts {
  var status = 0
  var legacyCode = 0
  var id = ""
  var exception = ""

  init(_ value: Any, _ mirror: Mirror) {
    if let text = value as? String {
      if text.allSatisfy({ $0.isUppercase || $0 == "_" }) { id = text }  // "SESSION_EXPIRED": a word of Portal's, no prose
      status = Self.status(in: text)
    }
    if mirror.displayStyle == .enum {
      let name = mirror.children.first?.label ?? String(describing: value)
      exception = "\(String(reflecting: type(of: value))).\(name)"
    }
    for child in mirror.children {
      switch (child.label, child.value) {
      case ("id", let text as String): id = text
      case ("code", let text as String): id = text
      case ("code", let number as Int): legacyCode = number
      case ("status", let number as Int), ("statusCode", let number as Int), ("httpStatus", let number as Int):
        status = number
      default: break
      }
    }
  }

  /// "Status: 401 …" and "401 - …"; 0: neither.
  private static func status(in text: String) -> Int {
    let words = text.split(separator: " ", maxSplits: 2)
    if words.count > 1, words[0] == "Status:" { return Int(words[1]) ?? 0 }
    if words.count > 1, words[1] == "-" { return Int(words[0]) ?? 0 }
    return 0
  }

  var verdict: PortalSession.Verdict {
    id.withPortalText { id in
      exception.withPortalText { exception in
        var answer = portal_answer.make()
        answer.http_status = Int32(clamping: status)
        answer.legacy_code = Int32(clamping: legacyCode)
        answer.error_id = id
        answer.exception = exception
        return PortalSession.Verdict(portal_verdict_of(&answer))
      }
    }
  }
}

extension PortalSession {
  /// Runs `body` with a token, and hears of its death from the error that `body` throws: for Portal's own SDK, which takes a
  /// token when it is built and lets the next call fail.
  ///
  /// Build a new `Portal` when the generation changed:
  ///
  /// ```swift
  /// actor Wallet {
  ///   private let session: PortalSession
  ///   private var portal: (generation: UInt64, object: Portal)?
  ///
  ///   func send(_ transaction: Transaction) async throws -> String {
  ///     try await session.withToken { lease in
  ///       if portal?.generation != lease.generation {
  ///         portal = (lease.generation, try Portal(lease.token.text))
  ///       }
  ///       let hash = try await portal!.object.send(transaction)
  ///       session.report(lease, verdict: .accepted)  // Portal answered: the token's day starts anew
  ///       return hash
  ///     }
  ///   }
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - replays: Runs `body` once more, with a newer token, where the first one was dead. Only for what may be done twice.
  ///   - isolation: The caller's own: a token that is there is given without a change of actor.
  ///   - body: What needs a token.
  public func withToken<Result: Sendable>(
    replays: Bool = false, isolation: isolated (any Actor)? = #isolation, _ body: (Lease) async throws -> Result
  ) async throws -> Result {
    let first = try await lease()
    do {
      return try await body(first)
    } catch  where endsToken(of: first, error) && replays {
      let newer = try await lease(newerThan: first)
      do {
        return try await body(newer)
      } catch {
        _ = endsToken(of: newer, error)
        throw error
      }
    }
  }

  private func endsToken(of lease: Lease, _ error: any Error) -> Bool {
    guard PortalErrors.verdict(error) == .rejected else { return false }
    report(lease, verdict: .rejected)
    return true
  }
}
