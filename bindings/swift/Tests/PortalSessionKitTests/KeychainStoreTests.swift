// The Keychain store, compiled as for a device, over a model of its keychain.
#if os(Linux)  // a Mac has a keychain of its own
  import Foundation
  import PortalSessionKit
  import PortalSessionTestKit
  import Security
  import Testing

  extension OneAtATime {
    @Suite final class Keychain {
      private let keychain = FakeKeychain.shared
      private let container = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      private let record = Data("a record".utf8)

      init() { keychain.reset() }
      deinit {
        keychain.reset()
        try? FileManager.default.removeItem(at: container)
      }

      private func store() -> KeychainStore { KeychainStore(accessGroup: "group", container: container) }

      private func session(_ provider: ScriptedProvider) throws -> PortalSession {
        var configuration = PortalSession.Configuration()
        configuration.store = store()
        configuration.followsAppLifeCycle = false
        return try PortalSession(configuration: configuration, provider: provider)
      }

      @Test(
        "A record comes back with its revision, in the class that can be read after first unlock and stays on the device")
      func keeps() {
        #expect(store().load("user") == .absent)
        #expect(store().save(record, revision: 1, name: "user") == .saved)
        #expect(store().load("user") == .found(record, revision: 1))
        #expect(store().load("another") == .absent)
        #expect(keychain.classes == [kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly as String])
        #expect(keychain.groups == ["group"])
      }

      @Test("A save against another revision than the stored one writes nothing")
      func compares() {
        #expect(store().save(record, revision: 1, name: "user") == .saved)
        #expect(store().save(Data("other".utf8), revision: 1, name: "user") == .conflict)
        #expect(store().save(Data("other".utf8), revision: 3, name: "user") == .conflict)
        #expect(store().load("user") == .found(record, revision: 1))
        #expect(store().save(Data("next".utf8), revision: 2, name: "user") == .saved)
        #expect(store().load("user") == .found(Data("next".utf8), revision: 2))
      }

      @Test(
        "A locked keychain is unavailable now, whether it says so or calls everything missing",
        arguments: [FakeKeychain.Fault.locked, .notFoundLie])
      func locked(fault: FakeKeychain.Fault) {
        #expect(store().load("user") == .absent)
        #expect(store().save(record, revision: 1, name: "user") == .saved)
        keychain.fault = fault
        #expect(store().load("user") == .unavailable)
        #expect(store().save(record, revision: 2, name: "user") == .unavailable)
        keychain.fault = nil
        #expect(store().load("user") == .found(record, revision: 1))
      }

      @Test("A device that was never unlocked with this app installed is not believed to be empty")
      func firstStartWhileLocked() {
        keychain.fault = .notFoundLie
        #expect(store().load("user") == .unavailable)
        keychain.fault = nil
        #expect(store().load("user") == .absent)
      }

      @Test("An item that another process added first is a conflict, and a keychain that does not work says so")
      func otherFaults() {
        keychain.fault = .duplicate
        #expect(store().save(record, revision: 1, name: "user") == .conflict)
        keychain.fault = .broken
        guard case .failed(let fault) = store().load("user") else { return #expect(Bool(false)) }
        #expect(fault.code == errSecParam)
        #expect(store().save(record, revision: 1, name: "user") == .failed(fault))
      }

      @Test("A keychain that refuses the process is an error of its own at once, and the session goes on in memory")
      func refused() async throws {
        keychain.fault = .missingEntitlement
        let provider = ScriptedProvider()
        let session = try session(provider)
        let lease = try await session.lease()  // on the real clock: it waits for no keychain
        #expect(lease.isMemoryOnly)
        #expect(try session.status.store == .memoryOnly)
        let error = try #require(session.storeError)
        #expect(error.code == .storeFailed)
        #expect(error.osCode == Int(errSecMissingEntitlement))
        #expect(error.message.contains("-34018"))
        keychain.fault = nil
        try await session.enteredForeground()
        #expect(session.storeError == nil)
      }

      @Test("An app's own store and a shared one beside it, or one in another container, delete nothing of each other")
      func neighbours() throws {
        let other = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: other) }
        #expect(store().save(record, revision: 1, name: "user") == .saved)
        #expect(KeychainStore(service: "group").load("user") == .absent)
        #expect(KeychainStore().load("user") == .absent)
        #expect(KeychainStore(accessGroup: "group", container: other).load("user") == .absent)
        #expect(KeychainStore(service: "group", accessGroup: "group 2", container: other).load("user") == .absent)
        #expect(store().load("user") == .found(record, revision: 1))
      }

      @Test("An item of another app in the same group and service is not deleted, though no mark of it is in sight")
      func otherApps() {
        keychain.addForeign(service: "group", account: "user@elsewhere", group: "group", generic: nil)
        #expect(store().load("user") == .absent)
        #expect(keychain.contains("foreign"))
      }

      @Test(
        "An item of another's under the record's name is replaced by the first save, and never by a later process's",
        arguments: [Data("x".utf8), nil])
      func foreign(generic: Data?) throws {
        #expect(store().load("user") == .absent)  // makes the mark
        let mark = container.appendingPathComponent("group.installation").path
        let installation = try FileManager.default.destinationOfSymbolicLink(atPath: mark)
        keychain.addForeign(service: "group", account: "user@\(installation)", group: "group", generic: generic)
        #expect(store().load("user") == .absent)
        #expect(store().save(record, revision: 2, name: "user") == .conflict)
        #expect(store().save(record, revision: 1, name: "user") == .saved)
        #expect(store().save(Data("late".utf8), revision: 1, name: "user") == .conflict)
        #expect(store().load("user") == .found(record, revision: 1))
        #expect(!keychain.contains("foreign"))
      }

      @Test("A reinstalled app starts without the records of before, and they are deleted")
      func reinstalled() throws {
        #expect(store().load("user") == .absent)
        #expect(store().save(record, revision: 1, name: "user") == .saved)
        try FileManager.default.removeItem(at: container)
        #expect(store().load("user") == .absent)
        #expect(!keychain.contains("a record"))
        #expect(store().save(record, revision: 1, name: "user") == .saved)
      }

      @Test(
        "A reinstallation that is first started while the keychain is locked deletes nothing, and shows nothing of before")
      func reinstalledWhileLocked() throws {
        #expect(store().save(record, revision: 1, name: "user") == .saved)
        try FileManager.default.removeItem(at: container)
        keychain.fault = .notFoundLie
        #expect(store().load("user") == .unavailable)
        #expect(keychain.contains("a record"))
        keychain.fault = nil
        #expect(store().load("user") == .absent)
        #expect(!keychain.contains("a record"))
      }

      @Test("A container that cannot hold the installation's mark costs persistence, not the session")
      func noContainer() async throws {
        try Data().write(to: container)  // a file where the folder should be
        let provider = ScriptedProvider()
        let session = try session(provider)
        #expect(try await session.lease().isMemoryOnly)
        #expect(try session.status.store == .memoryOnly)
      }

      @Test("The app and its extension share one session: one token request for both")
      func shared() async throws {
        let provider = ScriptedProvider()
        let app = try session(provider)
        let lease = try await app.lease()
        let ext = try session(provider)
        #expect(try await ext.lease().token.text == lease.token.text)
        #expect(await provider.requests.count == 1)
      }

      @Test("A start while the keychain is locked signs nobody out: the token is there when it opens")
      func prewarmed() async throws {
        let provider = ScriptedProvider()
        let before = try session(provider)
        let lease = try await before.lease()
        try await before.enteredBackground()
        before.close()

        keychain.fault = .notFoundLie
        let prewarmed = try session(provider)
        #expect(await failure { try await prewarmed.storeChanged() } == .storeUnavailable)
        #expect(try prewarmed.status.store == .locked)
        #expect(prewarmed.currentLease == nil)
        keychain.fault = nil
        try await prewarmed.storeChanged()
        #expect(try await prewarmed.lease().token.text == lease.token.text)
        #expect(await provider.requests.count == 1)
      }

      @Test("A sign-out leaves no token in the keychain, and a refused one is made up for")
      func signsOut() async throws {
        let session = try session(ScriptedProvider())
        _ = try await session.lease()
        #expect(keychain.contains("token-1"))
        keychain.fault = .locked
        #expect(await failure { try await session.clear() } == .storeUnavailable)
        #expect(session.currentLease == nil)
        keychain.fault = nil
        try await session.enteredForeground()
        #expect(!keychain.contains("token-1"))
      }

      @Test("A keychain that takes its time holds up nobody who has a token, nor the opening of a session")
      func slow() async throws {
        let session = try session(ScriptedProvider())
        _ = try await session.lease()
        var events = session.events.makeAsyncIterator()
        keychain.hold()
        async let saved: Void = session.clear()
        while let event = await events.next(), event.kind != .cleared {}
        let other = try self.session(ScriptedProvider())
        #expect(try session.status.state == .signedOut)
        #expect(other.currentLease == nil)
        keychain.release()
        try await saved
        #expect(!keychain.contains("token-1"))
      }
    }
  }
#endif
