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
  /// sees what it wrote itself: a reinstalled app starts signed out. It deletes what an earlier installation of the same app
  /// left, and nothing else: each item names the app, and the mark that it belongs to.
  public struct KeychainStore: RecordStore {
    private let service: String
    private let accessGroup: String?
    private let installation: Installation
    private let owner: String

    /// For an app alone.
    ///
    /// - Parameter service: Names the items; nil: the app's bundle identifier.
    public init(service: String? = nil) {
      self.init(
        service: service ?? Owner.bundleID ?? "portal-session", accessGroup: nil, container: .applicationSupport)
    }

    /// For an app and its extensions, which then share one session.
    ///
    /// - Parameters:
    ///   - service: Names the items; nil: the access group.
    ///   - accessGroup: The keychain group of all of them.
    ///   - container: The folder of their app group: `FileManager.containerURL(forSecurityApplicationGroupIdentifier:)`.
    public init(service: String? = nil, accessGroup: String, container: URL) {
      self.init(service: service ?? accessGroup, accessGroup: Optional(accessGroup), container: container)
    }

    private init(service: String, accessGroup: String?, container: URL) {
      self.service = service
      self.accessGroup = accessGroup
      installation = Installation(mark: container.appendingPathComponent("\(service).installation"))
      owner = "\(Owner.bundleID ?? "") \(accessGroup ?? "")"
    }

    public func load(_ name: String) -> RecordLoad {
      guard let installation = installation.id else { return .failed(Self.noMark) }
      let item = item(name, of: installation)
      let found = read(item)
      guard case .absent = found else { return found.load }
      // The keychain may have been locked then. Is it open now, and still without the record?
      if let doubt = proveOpen() { return doubt.load }
      let proven = read(item)
      if case .absent = proven { forgetEarlierInstallations(installation) }
      return proven.load
    }

    public func save(_ record: Data, revision: UInt64, name: String) -> RecordSave {
      guard let installation = installation.id else { return .failed(Self.noMark) }
      let item = item(name, of: installation)
      let values: [String: Any] = [
        kSecValueData as String: record,
        kSecAttrGeneric as String: bytes(of: revision),
        kSecAttrDescription as String: owner,
        kSecAttrComment as String: self.installation.mark.path,
      ]
      if revision == 1 {
        let added = add(item, values)
        return added == .conflict ? replaceForeign(item, values) : added
      }
      // The keychain compares and writes in one step: only an item of the revision before is changed.
      var expected = item
      expected[kSecAttrGeneric as String] = bytes(of: revision - 1)
      switch SecItemUpdate(expected as CFDictionary, values as CFDictionary) {
      case errSecSuccess: return .saved
      case errSecItemNotFound: return proveOpen()?.save ?? .conflict
      case let status: return KeychainStatus(status).save
      }
    }

    private static let noMark = RecordFault(
      code: 0,
      message: "The container takes no file that marks this installation, so the session lives in memory: check its path.")

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

    private enum Reading {
      case found(Data, revision: UInt64)
      case foreign(CFTypeRef?)
      case absent
      case unknown(KeychainStatus)

      var load: RecordLoad {
        switch self {
        case .found(let record, let revision): .found(record, revision: revision)
        case .foreign, .absent: .absent
        case .unknown(let status): status.load
        }
      }
    }

    private func read(_ item: [String: Any]) -> Reading {
      var query = item
      query[kSecReturnData as String] = true
      query[kSecReturnAttributes as String] = true
      var out: CFTypeRef?
      switch SecItemCopyMatching(query as CFDictionary, &out) {
      case errSecSuccess:
        guard let found = out as? [String: Any], let record = found[kSecValueData as String] as? Data,
          let revision = (found[kSecAttrGeneric as String] as? Data).flatMap(revision)
        else { return .foreign(out) }
        return .found(record, revision: revision)
      case errSecItemNotFound: return .absent
      case let status: return .unknown(KeychainStatus(status))
      }
    }

    /// Somebody else's item under our name is no record. It gives way to the first one of ours, if it is still the same.
    private func replaceForeign(_ item: [String: Any], _ values: [String: Any]) -> RecordSave {
      guard case .foreign(let found) = read(item) else { return .conflict }
      var expected = item
      expected[kSecAttrGeneric as String] = (found as? [String: Any])?[kSecAttrGeneric as String]
      switch SecItemUpdate(expected as CFDictionary, values as CFDictionary) {
      case errSecSuccess: return .saved
      case errSecItemNotFound: return .conflict
      case let status: return KeychainStatus(status).save
      }
    }

    private func add(_ item: [String: Any], _ values: [String: Any]) -> RecordSave {
      var item = item.merging(values) { $1 }
      item[kSecAttrAccessible as String] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
      switch SecItemAdd(item as CFDictionary, nil) {
      case errSecSuccess: return .saved
      case errSecDuplicateItem: return .conflict
      case let status: return KeychainStatus(status).save
      }
    }

    // MARK: What a locked keychain says

    /// nil: the keychain is open, as an item of the records' own class can be read, or was just written.
    private func proveOpen() -> KeychainStatus? {
      let sentinel = query("\(service).sentinel", account: "open")
      switch read(sentinel) {
      case .found, .foreign: return nil
      case .unknown(let status): return status
      case .absent: break
      }
      switch add(sentinel, [kSecValueData as String: Data([1]), kSecAttrGeneric as String: bytes(of: 1)]) {
      case .saved: return nil
      case .conflict: return .unavailable  // it is there, and was not found: the reading lied
      case .unavailable: return .unavailable
      case .failed(let fault): return .failed(fault)
      }
    }

    // MARK: Installations

    /// Deletes what an installation before this one left: items of the same app and group whose mark is gone. Only where the
    /// keychain is open for sure, and this installation has nothing in it yet.
    private func forgetEarlierInstallations(_ present: String) {
      var all = query(service, account: nil)
      all[kSecReturnAttributes as String] = true
      all[kSecMatchLimit as String] = kSecMatchLimitAll
      var out: CFTypeRef?
      guard SecItemCopyMatching(all as CFDictionary, &out) == errSecSuccess else { return }
      for item in out as? [[String: Any]] ?? [] {
        guard let account = item[kSecAttrAccount as String] as? String, !account.hasSuffix("@\(present)"),
          item[kSecAttrDescription as String] as? String == owner,
          let mark = item[kSecAttrComment as String] as? String, !Installation.isAlive(account, mark)
        else { continue }
        var one = query(service, account: account)
        one[kSecAttrAccessGroup as String] = item[kSecAttrAccessGroup as String]
        SecItemDelete(one as CFDictionary)
      }
    }

    private func bytes(of revision: UInt64) -> Data { withUnsafeBytes(of: revision.bigEndian) { Data($0) } }

    private func revision(_ bytes: Data) -> UInt64? {
      bytes.count == 8 ? bytes.reduce(0) { $0 << 8 | UInt64($1) } : nil
    }
  }
#endif
