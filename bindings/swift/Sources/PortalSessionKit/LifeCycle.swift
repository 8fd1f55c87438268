// Hears from the system when the app comes to the front, leaves it, or its keychain opens.
import CPortalSession
import Foundation

/// Listens by the notifications' names: no framework is imported, so an extension may use it as well as an app.
final class LifeCycle: Sendable {
  static let notices: [(names: [String], notice: portal_notice)] = [
    (
      [
        "UIApplicationWillEnterForegroundNotification", "UIApplicationDidBecomeActiveNotification",
        "NSExtensionHostWillEnterForegroundNotification", "NSExtensionHostDidBecomeActiveNotification",
        "NSApplicationDidBecomeActiveNotification",
      ], .PORTAL_NOTICE_FOREGROUND
    ),
    (
      [
        "UIApplicationDidEnterBackgroundNotification", "NSExtensionHostDidEnterBackgroundNotification",
        "NSApplicationDidResignActiveNotification",
      ], .PORTAL_NOTICE_BACKGROUND
    ),
    // A hint: where it never comes the session asks its store again by itself, and at each foreground.
    (["UIApplicationProtectedDataDidBecomeAvailable"], .PORTAL_NOTICE_STORE_CHANGED),
  ]

  /// The system sends two or more notifications for one return to the foreground. Only the first counts, until the app
  /// leaves.
  struct Front {
    private var isInFront = false

    mutating func counts(_ notice: portal_notice) -> Bool {
      let wasInFront = isInFront
      if notice == .PORTAL_NOTICE_FOREGROUND { isInFront = true }
      if notice == .PORTAL_NOTICE_BACKGROUND { isInFront = false }
      return notice != .PORTAL_NOTICE_FOREGROUND || !wasInFront
    }
  }

  private let front = Guarded(Front())
  private let tokens = Guarded<[any NSObjectProtocol]>([])

  func follow(_ handle: SessionHandle) {
    let center = NotificationCenter.default
    let observers = Self.notices.flatMap { names, notice in
      names.map { name in
        center.addObserver(forName: Notification.Name(name), object: nil, queue: nil) { [weak handle, front] _ in
          if let handle, front.withLock({ $0.counts(notice) }) { Self.tell(handle, notice) }
        }
      }
    }
    tokens.withLock { $0 = observers }
  }

  func end() {
    let observers = tokens.withLock { tokens in
      defer { tokens = [] }
      return tokens
    }
    for observer in observers { NotificationCenter.default.removeObserver(observer) }
  }

  /// Does not wait: a notification comes on the main thread.
  private static func tell(_ handle: SessionHandle, _ notice: portal_notice) {
    guard notice == .PORTAL_NOTICE_BACKGROUND else {
      portal_session_notify(handle.session, notice, nil, nil)
      return
    }
    let saved = DispatchSemaphore(value: 0)
    keepAwake(until: saved)
    Task.detached(priority: .userInitiated) {
      try? await handle.notify(notice)
      saved.signal()
    }
  }

  /// Asks the system not to suspend the process while the last slide is written: milliseconds, and 5 s at most.
  private static func keepAwake(until saved: DispatchSemaphore) {
    #if canImport(Darwin) && !os(macOS)
      ProcessInfo.processInfo.performExpiringActivity(withReason: "portal-session saves") { isExpired in
        if !isExpired { _ = saved.wait(timeout: .now() + 5) }
      }
    #endif
  }
}
