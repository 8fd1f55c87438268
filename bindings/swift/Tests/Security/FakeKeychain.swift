// What stands behind the functions: items in memory, and the faults that iOS shows.
import Foundation

/// A model of one device's keychain, not Apple's: what it knows of locks and lies comes from the reports of those who met
/// them.
public final class FakeKeychain: @unchecked Sendable {
  public static let shared = FakeKeychain()

  /// What goes wrong until it is set back.
  public enum Fault: Sendable {
    /// Before first unlock, said honestly.
    case locked
    /// Before first unlock, when reading says "not found" of what is there.
    case notFoundLie
    /// errSecMissingEntitlement: a wrong access group, an app without a signature, a test without a host app.
    case missingEntitlement
    /// The next write finds that another process was faster.
    case duplicate
    /// Something without a name.
    case broken
  }

  private typealias Item = [String: AnyHashable]

  private let condition = NSCondition()
  private var items: [Item] = []
  private var present: Fault?
  private var isHeld = false
  private var calls = 0

  private static let identity = ["class", "svce", "acct", "agrp"]
  private static let attributes = identity + ["gena"]

  // MARK: What tests do

  public var fault: Fault? {
    get { locked { present } }
    set { locked { present = newValue } }
  }

  /// A new device.
  public func reset() {
    locked {
      items = []
      present = nil
      isHeld = false
      condition.broadcast()
    }
  }

  /// Calls hang until `release`: a keychain that takes its time.
  public func hold() { locked { isHeld = true } }

  public func release() {
    locked {
      isHeld = false
      condition.broadcast()
    }
  }

  public var callCount: Int { locked { calls } }
  public var accounts: [String] { locked { items.compactMap { $0["acct"] as? String }.sorted() } }
  public var classes: Set<String> { locked { Set(items.compactMap { $0["pdmn"] as? String }) } }
  public var groups: Set<String> { locked { Set(items.compactMap { $0["agrp"] as? String }) } }
  public func contains(_ text: String) -> Bool {
    locked { items.contains { ($0["v_Data"] as? Data)?.range(of: Data(text.utf8)) != nil } }
  }

  /// An item that something else wrote.
  public func addForeign(service: String, account: String, group: String, generic: Data?) {
    locked {
      var item: Item = ["class": "genp", "svce": service, "acct": account, "agrp": group, "v_Data": Data("foreign".utf8)]
      if let generic { item["gena"] = generic }
      items.append(item)
    }
  }

  // MARK: What the store calls

  func copyMatching(_ query: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus {
    call {
      switch present {
      case .locked: return errSecInteractionNotAllowed
      case .notFoundLie: return errSecItemNotFound
      case .missingEntitlement: return errSecMissingEntitlement
      case .broken: return errSecParam
      case .duplicate, nil: break
      }
      let found = items.filter { matches($0, query) }
      guard !found.isEmpty else { return errSecItemNotFound }
      let wantsAll = (query["m_Limit"] as? String) == "m_LimitAll"
      result?.pointee = wantsAll ? found as NSArray : found[0] as NSDictionary
      return errSecSuccess
    }
  }

  func add(_ attributes: CFDictionary) -> OSStatus {
    call {
      var item = self.item(attributes)
      if item["agrp"] == nil { item["agrp"] = "the app's own group" }  // a query without a group spans all
      if let status = refusal(of: item) { return status }
      items.append(item)
      return errSecSuccess
    }
  }

  func update(_ query: CFDictionary, _ attributes: CFDictionary) -> OSStatus {
    call {
      switch present {
      case .locked: return errSecInteractionNotAllowed
      case .missingEntitlement: return errSecMissingEntitlement
      case .broken: return errSecParam
      case .notFoundLie, .duplicate: return errSecItemNotFound
      case nil: break
      }
      guard let index = items.firstIndex(where: { matches($0, query) }) else { return errSecItemNotFound }
      items[index].merge(item(attributes)) { $1 }
      return errSecSuccess
    }
  }

  func delete(_ query: CFDictionary) -> OSStatus {
    call {
      let before = items.count
      items.removeAll { matches($0, query) }
      return items.count == before ? errSecItemNotFound : errSecSuccess
    }
  }

  private func refusal(of item: Item) -> OSStatus? {
    switch present {
    case .missingEntitlement: return errSecMissingEntitlement
    case .broken: return errSecParam
    case .duplicate: return errSecDuplicateItem
    case .locked, .notFoundLie, nil: break
    }
    if items.contains(where: { other in Self.identity.allSatisfy { other[$0] == item[$0] } }) { return errSecDuplicateItem }
    return present == nil ? nil : errSecInteractionNotAllowed
  }

  private func item(_ attributes: CFDictionary) -> Item {
    var item = Item()
    for (key, value) in attributes {
      guard let key = key as? String, let value = value as? AnyHashable else { continue }
      item[key] = value
    }
    return item
  }

  private func matches(_ item: Item, _ query: CFDictionary) -> Bool {
    let wanted = self.item(query)
    return Self.attributes.allSatisfy { wanted[$0] == nil || wanted[$0] == item[$0] }
  }

  private func call(_ body: () -> OSStatus) -> OSStatus {
    condition.lock()
    defer { condition.unlock() }
    calls += 1
    condition.broadcast()
    while isHeld { condition.wait() }
    return body()
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    condition.lock()
    defer { condition.unlock() }
    return body()
  }
}
