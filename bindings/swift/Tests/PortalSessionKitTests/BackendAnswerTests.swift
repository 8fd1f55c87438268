// What the app's backend answers over HTTP, row by row as the C header's table has it.
import Foundation
import PortalSessionKit
import PortalSessionTestKit
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

private struct Row: Sendable, CustomTestStringConvertible {
  var status: Int
  var body = #"{"error": "no"}"#
  var header: [String: String] = [:]
  var code: PortalSessionError.Code?
  var isRetryable = false
  var words = ""

  var testDescription: String { "\(status) \(body)" }

  var answer: BackendAnswer {
    let url = URL(string: "https://backend.example")!
    let head = HTTPURLResponse(url: url, statusCode: status, httpVersion: nil, headerFields: header)!
    return BackendAnswer(Data(body.utf8), head)
  }
}

@Suite struct BackendAnswers {
  private static let rows = [
    Row(status: 200, body: #"{"clientSessionToken": "T1", "id": "client"}"#),
    Row(status: 201, body: #"{"clientSessionToken": "T1", "id": null}"#),
    Row(status: 200, body: #"{"clientSessionToken": "T1", "id": 7}"#),
    Row(status: 200, body: "\u{FEFF} {\"clientSessionToken\": \"T1\"}"),
    Row(status: 204, body: "", code: .badToken),
    Row(status: 200, body: "<html>sign in</html>", code: .badToken),
    Row(status: 200, body: "{", code: .badToken),
    Row(status: 200, body: #"["T1"]"#, code: .badToken),
    Row(status: 200, body: "T1", code: .badToken),
    Row(status: 200, body: #"{"clientApiKey": "key"}"#, code: .badToken),
    Row(status: 200, body: #"{"clientSessionToken": "null"}"#, code: .badToken),
    Row(status: 200, body: #"{"clientSessionToken": "T1", "id": "client 1"}"#, code: .badToken),
    Row(status: 401, code: .signInNeeded),
    Row(status: 403, code: .providerFailed, words: "forbidden"),
    Row(status: 404, code: .providerFailed, words: "not found"),
    Row(status: 302, code: .providerFailed, words: "redirect"),
    Row(status: 407, code: .providerFailed, isRetryable: true, words: "proxy"),
    Row(status: 511, code: .providerFailed, isRetryable: true, words: "captive portal"),
    Row(status: 408, code: .providerFailed, isRetryable: true),
    Row(status: 429, code: .providerFailed, isRetryable: true),
    Row(status: 503, code: .providerFailed, isRetryable: true),
  ]

  @Test("Each answer of the backend is what the C header's table makes of it", arguments: rows)
  private func table(row: Row) async throws {
    let rig = try Rig()
    await rig.provider.answer { _ in .backend(row.answer) }
    guard let code = row.code else {
      #expect(try await rig.session.lease().token.text == "T1")
      return
    }
    let error = await sessionError { try await rig.session.lease() }
    #expect(error?.code == code)
    #expect(error?.message.contains(row.words) == true || row.words.isEmpty)
    if code == .providerFailed {
      #expect(error?.httpStatus == row.status)
      try await rig.advance(by: 600)
      let renewal = try rig.session.status.renewal
      #expect(row.isRetryable ? renewal == .backingOff || renewal == .asking : renewal == .idle)
    }
  }

  @Test("Retry-After is kept, as seconds or as a date against the answer's own Date")
  func retryAfter() async throws {
    for header in [
      ["Retry-After": "120"],
      ["Retry-After": "Wed, 21 Oct 2015 07:30:00 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"],
    ] {
      let rig = try Rig()
      await rig.provider.answer { _ in .backend(Row(status: 429, header: header).answer) }
      let error = await sessionError { try await rig.session.lease() }
      #expect(try #require(error?.retryAfter) >= 120)
    }
  }

  @Test(
    "A backend that cannot be reached, that answers too late, and that is not safe have three texts",
    arguments: [
      (URLError.Code.notConnectedToInternet, "cannot be reached"), (.timedOut, "in time"),
      (.serverCertificateUntrusted, "not safe"),
    ])
  func noAnswer(reason: URLError.Code, words: String) async throws {
    for isThrown in [false, true] {
      let rig = try Rig()
      await rig.provider.answer { _ in
        if isThrown { throw URLError(reason) }
        return .backend(BackendAnswer(URLError(reason)))
      }
      let error = await sessionError { try await rig.session.lease() }
      #expect(error?.code == .providerFailed)
      #expect(error?.message.contains(words) == true)
      #expect(error?.osCode == reason.rawValue)
    }
  }

  @Test("No print of an answer shows its token")
  func showsNothing() {
    let answer = Row(status: 200, body: #"{"clientSessionToken": "T-secret"}"#).answer
    var dumped = ""
    dump(TokenAnswer.backend(answer), to: &dumped)
    for text in ["\(answer)", String(reflecting: answer), "\(TokenAnswer.backend(answer))", dumped] {
      #expect(!text.contains("T-secret"))
    }
  }
}
