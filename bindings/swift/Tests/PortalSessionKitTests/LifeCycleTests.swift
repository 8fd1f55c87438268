import CPortalSession
// The app's life cycle, by its notifications, and what an extension may call.
import Foundation
import PortalSessionTestKit
import Testing

@testable import PortalSessionKit

@Suite struct AppLifeCycle {
  @Test("Going to the background writes the last slide, and coming to the front reads what another process wrote")
  func notifications() async throws {
    let store = MemoryStore()
    let rig = try Rig(store: store) { $0.followsAppLifeCycle = true }
    let lease = try await rig.session.lease()
    rig.clock.advance(by: 600)
    try await rig.session.clockChanged()
    var second = lease
    rig.session.stamp(&second)
    rig.session.report(second, status: 200)

    let before = store.record()
    NotificationCenter.default.post(name: Notification.Name("UIApplicationDidEnterBackgroundNotification"), object: nil)
    await eventually { store.record() != before }

    let ext = try Rig(store: store)
    try await ext.session.clear()
    NotificationCenter.default.post(name: Notification.Name("UIApplicationWillEnterForegroundNotification"), object: nil)
    await eventually { (try? rig.session.status.state) == .signedOut }
  }

  @Test("One way to the front is one notice, however many notifications tell of it")
  func oneNotice() {
    var front = LifeCycle.Front()
    let notices: [portal_notice] = [
      .PORTAL_NOTICE_FOREGROUND, .PORTAL_NOTICE_FOREGROUND, .PORTAL_NOTICE_STORE_CHANGED, .PORTAL_NOTICE_BACKGROUND,
      .PORTAL_NOTICE_BACKGROUND, .PORTAL_NOTICE_FOREGROUND, .PORTAL_NOTICE_STORE_CHANGED, .PORTAL_NOTICE_FOREGROUND,
    ]
    #expect(notices.map { front.counts($0) } == [true, false, true, true, true, true, true, false])
  }

  @Test("A locked store is asked again when protected data becomes available")
  func protectedData() async throws {
    let store = MemoryStore()
    store.fault = .locked
    let rig = try Rig(store: store) { $0.followsAppLifeCycle = true }
    await eventually { (try? rig.session.status.store) == .locked }
    store.fault = nil
    NotificationCenter.default.post(name: Notification.Name("UIApplicationProtectedDataDidBecomeAvailable"), object: nil)
    await eventually { (try? rig.session.status.state) == PortalSession.State.none }
  }

  @Test("While the store is locked a caller that cannot wait gets a token that is kept in memory")
  func withoutStore() async throws {
    let store = MemoryStore()
    store.fault = .locked
    let rig = try Rig(store: store)
    let lease = try await rig.session.lease(withoutStore: true)
    #expect(lease.isMemoryOnly)
    #expect(store.record() == nil)
  }

  @Test("A session that ended hears no notification")
  func ended() async throws {
    let rig = try Rig { $0.followsAppLifeCycle = true }
    rig.session.close()
    NotificationCenter.default.post(name: Notification.Name("UIApplicationDidEnterBackgroundNotification"), object: nil)
    #expect(await failure { try await rig.session.enteredForeground() } == .closed)
  }

  @Test("No source imports a framework that an extension may not use, or names an API of the app alone")
  func extensionSafe() throws {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources").standardized
    let files = try #require(FileManager.default.enumerator(atPath: sources.path))
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
    #expect(files.count > 10)
    for file in files {
      let text = try String(contentsOf: sources.appendingPathComponent(file), encoding: .utf8)
      for banned in ["import UIKit", "import AppKit", "import SwiftUI", "UIApplication.", "beginBackgroundTask", "flock("] {
        #expect(!text.contains(banned), "\(file): \(banned)")
      }
    }
  }
}
