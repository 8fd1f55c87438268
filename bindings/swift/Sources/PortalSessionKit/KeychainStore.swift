// The store for Apple platforms: one keychain item for each session.
#if canImport(Security)
  import Foundation
  import Security

  /// Keeps sessions in the keychain, as items that can be read from the first unlock after a restart on, and never leave
  /// this device.
  ///
  /// A keychain that is locked is not an empty one. Before first unlock iOS may say "not found" of an item that is there;
  /// so "not found" is believed only once an item that was written beside it can be read. Nothing is deleted on a reading
  /// that was not proven so.
  ///
  /// Keychain items outlive the app. A mark in the app's own container names the installation, and an installation only
  /// sees what it wrote itself: a reinstalled app starts signed out.
  public struct KeychainStore: RecordStore {
    private let service: String
    private let accessGroup: String?
    private let installation: Installation

    /// For an app alone.
    ///
    /// - Parameter service: Names the items: one for each app that shares the keychain.
    public init(service: String = "portal-session") {
      self.init(service: service, accessGroup: nil, container: .applicationSupport)
    }

    /// For an app and its extensions, which then share one session.
    ///
    /// - Parameters:
    ///   - service: Names the items: one for each app that shares the keychain.
    ///   - accessGroup: The keychain group of all of them.
    ///   - container: The folder of their app group: `FileManager.containerURL(forSecurityApplicationGroupIdentifier:)`.
    public init(service: String = "portal-session", accessGroup: String, container: URL) {
      self.init(service: service, accessGroup: Optional(accessGroup), container: container)
    }

    private init(service: String, accessGroup: String?, container: URL) {
      self.service = service
      self.accessGroup = accessGroup
      installation = Installation(mark: container.appendingPathComponent("\(service).installation"))
    }

    public func load(_ name: String) -> RecordLoad {
      guard let installation = installation.id else { return .failed }
      let item = item(name, of: installation)
      let found = read(item)
      guard found == .absent else { return found }
      // The keychain may have been locked then. Is it open now, and still without the record?
      if let doubt = proveOpen() { return doubt.load }
      let proven = read(item)
      if proven == .absent { forgetEarlierInstallations(installation) }
      return proven
    }

    public func save(_ record: Data, revision: UInt64, name: String) -> RecordSave {
      guard let installation = installation.id else { return .failed(code: 0) }
      let item = item(name, of: installation)
      let values: [String: Any] = [
        kSecValueData as String: record,
        kSecAttrGeneric as String: bytes(of: revision),
      ]
      if revision == 1 { return add(item, values) }
      // The keychain compares and writes in one step: only an item of the revision before is changed.
      var expected = item
      expected[kSecAttrGeneric as String] = bytes(of: revision - 1)
      switch SecItemUpdate(expected as CFDictionary, values as CFDictionary) {
      case errSecSuccess: return .saved
      case errSecItemNotFound: return proveOpen()?.save ?? .conflict
      case let status: return Doubt(status).save
      }
    }

    // MARK: Items

    private func item(_ name: String, of installation: String) -> [String: Any] {
      query(service, account: "\(name)@\(installation)")
    }

    private func query(_ service: String, account: String?) -> [String: Any] {
      var query: [String: Any] = [
        kSecClass as String: kSecClassGenericPassword,
        kSecAttrService as String: service,
        kSecUseDataProtectionKeychain as String: true,
      ]
      query[kSecAttrAccount as String] = account
      query[kSecAttrAccessGroup as String] = accessGroup
      return query
    }

    private func read(_ item: [String: Any]) -> RecordLoad {
      var query = item
      query[kSecReturnData as String] = true
      query[kSecReturnAttributes as String] = true
      var out: CFTypeRef?
      switch SecItemCopyMatching(query as CFDictionary, &out) {
      case errSecSuccess:
        guard let found = out as? [String: Any], let record = found[kSecValueData as String] as? Data,
          let revision = (found[kSecAttrGeneric as String] as? Data).flatMap(revision)
        else { return .failed }
        return .found(record, revision: revision)
      case errSecItemNotFound: return .absent
      case let status: return Doubt(status).load
      }
    }

    private func add(_ item: [String: Any], _ values: [String: Any]) -> RecordSave {
      var item = item.merging(values) { $1 }
      item[kSecAttrAccessible as String] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
      switch SecItemAdd(item as CFDictionary, nil) {
      case errSecSuccess: return .saved
      case errSecDuplicateItem: return .conflict
      case let status: return Doubt(status).save
      }
    }

    // MARK: What a locked keychain says

    /// A status that tells nothing of the item.
    private struct Doubt {
      let load: RecordLoad
      let save: RecordSave

      init(_ status: OSStatus) {
        switch status {
        // Locked; an entitlement that older systems lose for a while; securityd is not there.
        case errSecInteractionNotAllowed, errSecMissingEntitlement, errSecNotAvailable:
          (load, save) = (.unavailable, .unavailable)
        default:
          (load, save) = (.failed, .failed(code: status))
        }
      }
    }

    /// nil: the keychain is open, as an item of the records' own class can be read, or was just written.
    private func proveOpen() -> Doubt? {
      let sentinel = query("\(service).sentinel", account: "open")
      switch read(sentinel) {
      case .found: return nil
      case .unavailable: return Doubt(errSecInteractionNotAllowed)
      case .failed: return Doubt(errSecNotAvailable)
      case .absent: break
      }
      switch add(sentinel, [kSecValueData as String: Data([1]), kSecAttrGeneric as String: bytes(of: 1)]) {
      case .saved: return nil
      case .conflict: return Doubt(errSecInteractionNotAllowed)  // it is there, and was not found: the reading lied
      case .unavailable: return Doubt(errSecInteractionNotAllowed)
      case .failed(let code): return Doubt(code)
      }
    }

    // MARK: Installations

    /// Deletes what an installation before this one left. Only where the keychain is open for sure, and this installation has
    /// nothing in it yet.
    private func forgetEarlierInstallations(_ present: String) {
      var all = query(service, account: nil)
      all[kSecReturnAttributes as String] = true
      all[kSecMatchLimit as String] = kSecMatchLimitAll
      var out: CFTypeRef?
      guard SecItemCopyMatching(all as CFDictionary, &out) == errSecSuccess else { return }
      for item in out as? [[String: Any]] ?? [] {
        guard let account = item[kSecAttrAccount as String] as? String, !account.hasSuffix("@\(present)") else { continue }
        SecItemDelete(query(service, account: account) as CFDictionary)
      }
    }

    private func bytes(of revision: UInt64) -> Data { withUnsafeBytes(of: revision.bigEndian) { Data($0) } }

    private func revision(_ bytes: Data) -> UInt64? {
      bytes.count == 8 ? bytes.reduce(0) { $0 << 8 | UInt64($1) } : nil
    }
  }
#endif
