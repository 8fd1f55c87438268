// What a session may be given.
import Foundation
import PortalSessionKit
import PortalSessionTestKit
import Testing

@testable import PortalSessionKit

@Suite struct Configurations {
  private func opens(_ change: (inout PortalSession.Configuration) -> Void) throws {
    var configuration = PortalSession.Configuration()
    change(&configuration)
    try PortalSession(configuration: configuration, provider: nil).close()
  }

  private func refusal(_ change: (inout PortalSession.Configuration) -> Void) -> PortalSessionError.Code? {
    do {
      try opens(change)
      return nil
    } catch {
      return (error as? PortalSessionError)?.code
    }
  }

  @Test("A provider's time and a policy's windows of zero are refused, as is what is no duration")
  func zero() {
    for time in [0, -1, -0.001, -0.0001, .nan, 0.0001] as [TimeInterval] {
      #expect(refusal { $0.requestTimeout = time } == .policy, "\(time)")
      #expect(refusal { $0.policy.idle = .seconds(time) } == .policy, "\(time)")
      #expect(refusal { $0.policy.absolute = .seconds(time) } == .policy, "\(time)")
    }
    #expect(refusal { $0.policy.idle = .none } == .policy)
    for time in [-1, -0.001, .nan] as [TimeInterval] {
      #expect(refusal { $0.policy.margin = .seconds(time) } == .policy, "\(time)")
      #expect(refusal { $0.policy.renewalLead = .seconds(time) } == .policy, "\(time)")
    }
  }

  @Test("No margin, soft window and renewal lead are what zero and `none` say, and no other value")
  func none() async throws {
    for nothing in [PortalSession.PolicyTime.none, 0, 0.0] {
      let rig = try Rig {
        $0.policy.idle = 300
        $0.policy.margin = nothing
        $0.policy.softWindow = nothing
        $0.policy.renewalLead = nothing
      }
      _ = try await rig.session.lease()
      try await rig.advance(by: 299)
      #expect(try rig.session.status.state == .fresh)
      try await rig.advance(by: 1)
      #expect(try rig.session.status.state == .expired)
    }
  }

  @Test("The role is the process's by its bundle, and stands in the claim that other processes read")
  func role() async throws {
    let appex = URL(fileURLWithPath: "/App.app/PlugIns/Part.appex")
    func info(_ point: String) -> [String: Any] { ["NSExtension": ["NSExtensionPointIdentifier": point]] }
    #expect(Role.of(URL(fileURLWithPath: "/App.app"), [:]) == "app")
    #expect(Role.of(appex, info("com.apple.widgetkit-extension")) == "widget")
    #expect(Role.of(appex, info("com.apple.usernotifications.service")) == "notification")
    #expect(Role.of(appex, info("com.apple.share-services")) == "extension")
    #expect(Role.of(appex, [:]) == "extension")

    let rig = try Rig { $0.role = "role-of-a-test" }
    let asked = Gate()
    await rig.provider.answer { _ in
      asked.open()
      try await untilCancelled()
    }
    async let code = failure { try await rig.session.lease() }
    await asked.wait()
    #expect(rig.store.record()?.range(of: Data("role-of-a-test".utf8)) != nil)
    try await rig.session.clear()
    #expect(await code == .cleared)
    #expect(refusal { $0.role = "a role that is longer than sixteen" } == .invalidArgument)
  }

  @Test("A session with no other host than Portal's own is not one with an empty list: that is refused")
  func noHosts() {
    #expect(refusal { $0.allowedHosts = [] } == .invalidArgument)
    #expect(refusal { $0.allowedHosts = nil } == nil)
  }
}
