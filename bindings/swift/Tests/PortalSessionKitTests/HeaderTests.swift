// Swift's enums and the C header say the same.
import CPortalSession
import Foundation
import PortalSessionKit
import Testing

@Suite struct Header {
  @Test("Each code of the header is a case, and each case a code of the header")
  func codes() throws {
    let cases = Dictionary(uniqueKeysWithValues: PortalSessionError.Code.allCases.map { ("\($0)", $0.rawValue) })
    var declared = try Self.values(of: "portal_code", prefix: "PORTAL_ERR_")
    declared["ok"] = nil
    #expect(!declared.isEmpty)
    #expect(cases == declared)
  }

  @Test("The other enums of the header have the same cases and values")
  func enums() throws {
    try Self.compare(PortalSession.State.self, "portal_state", "PORTAL_STATE_")
    try Self.compare(PortalSession.Reason.self, "portal_reason", "PORTAL_REASON_")
    try Self.compare(PortalSession.Verdict.self, "portal_verdict", "PORTAL_VERDICT_")
    try Self.compare(PortalSession.ClockVerdict.self, "portal_clock_verdict", "PORTAL_CLOCK_")
    try Self.compare(PortalSession.StoreVerdict.self, "portal_store_verdict", "PORTAL_STORE_")
    try Self.compare(PortalSession.Renewal.self, "portal_renewal", "PORTAL_RENEWAL_")
    try Self.compare(PortalSession.Event.Kind.self, "portal_event_kind", "PORTAL_EVENT_")
  }

  @Test("The library that runs is the one whose header was read")
  func version() {
    #expect(portal_abi() >= UInt32(PORTAL_ABI))
    #expect(String(cString: portal_version()) == PORTAL_VERSION)
  }

  private static func compare<Value: CaseIterable & RawRepresentable>(
    _: Value.Type, _ name: String, _ prefix: String
  ) throws where Value.RawValue == Int32 {
    let cases = Dictionary(uniqueKeysWithValues: Value.allCases.map { ("\($0)", $0.rawValue) })
    let declared = try values(of: name, prefix: prefix)
    #expect(cases == declared, "\(name)")
  }

  /// The constants of an enum of the header, named as Swift would: "PORTAL_ERR_NO_TOKEN" is "noToken".
  private static func values(of name: String, prefix: String) throws -> [String: Int32] {
    let header = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../../capi/include/portal_session/portal_session.h")
    let text = try String(contentsOf: header, encoding: .utf8)
    let start = try #require(text.range(of: "PORTAL_ENUM(\(name)) {"))
    let end = try #require(text.range(of: "};", range: start.upperBound..<text.endIndex))
    var values: [String: Int32] = [:]
    for line in text[start.upperBound..<end.lowerBound].split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count >= 3, words[1] == "=", let value = Int32(words[2].replacingOccurrences(of: ",", with: "")) else {
        continue
      }
      values[camelCase(String(words[0]), prefix)] = value
    }
    return values
  }

  private static func camelCase(_ name: String, _ prefix: String) -> String {
    guard name.hasPrefix(prefix) else { return name.replacingOccurrences(of: "PORTAL_", with: "").lowercased() }
    let words = name.dropFirst(prefix.count).split(separator: "_").map { $0.lowercased() }
    return words[0] + words.dropFirst().map(\.capitalized).joined()
  }
}
