// The few things that every use of the C ABI needs: structs set up, text and time across the border, references as userdata.
import CPortalSession
import Foundation

/// A C struct that starts with its size.
protocol CStruct { init() }

extension CStruct {
  static func make() -> Self {
    var value = Self()
    withUnsafeMutableBytes(of: &value) { portal_init($0.baseAddress!, $0.count) }
    return value
  }
}

extension portal_acquire_options: CStruct {}
extension portal_answer: CStruct {}
extension portal_backend_answer: CStruct {}
extension portal_error: CStruct {}
extension portal_failure: CStruct {}
extension portal_lease: CStruct {}
extension portal_options: CStruct {}
extension portal_status: CStruct {}
extension portal_token_input: CStruct {}

func seconds(_ milliseconds: Int64) -> TimeInterval { TimeInterval(milliseconds) / 1000 }

/// Rounded to the nearest; what no C duration can hold becomes the longest that it can.
func milliseconds(_ seconds: TimeInterval) -> Int64 {
  Int64(exactly: (seconds * 1000).rounded()) ?? (seconds > 0 ? .max : seconds < 0 ? .min : 0)
}

/// What is no age at all (negative, not a number) becomes -1, which the C ABI refuses.
func ageMilliseconds(_ age: TimeInterval) -> Int64 { age >= 0 ? milliseconds(age) : -1 }

/// A C duration to which 0 would mean "the default": at least 1; what is no duration becomes one that the C ABI refuses.
func positiveMilliseconds(_ duration: TimeInterval) -> Int64 { duration > 0 ? max(1, milliseconds(duration)) : -2 }

func date(unixMilliseconds: Int64) -> Date? {
  unixMilliseconds == 0 ? nil : Date(timeIntervalSince1970: seconds(unixMilliseconds))
}

extension String {
  init(_ text: portal_text) {
    self.init(decoding: UnsafeRawBufferPointer(start: text.data, count: text.length), as: UTF8.self)
  }

  /// The text as the C ABI takes it, for the time of the call.
  func withPortalText<Result>(_ body: (portal_text) throws -> Result) rethrows -> Result {
    var copy = self
    return try copy.withUTF8 { utf8 in
      try utf8.withMemoryRebound(to: CChar.self) { characters in
        try body(portal_text(data: characters.baseAddress, length: characters.count))
      }
    }
  }
}

/// Keeps an object alive until C gives it back by `release`.
func retained(_ object: AnyObject) -> UnsafeMutableRawPointer { Unmanaged.passRetained(object).toOpaque() }

/// The object behind a userdata.
func object<Object: AnyObject>(_ userdata: UnsafeMutableRawPointer?, as: Object.Type = Object.self) -> Object {
  Unmanaged<Object>.fromOpaque(userdata!).takeUnretainedValue()
}

let releaseObject: portal_release_fn = { userdata in Unmanaged<AnyObject>.fromOpaque(userdata!).release() }

/// A value that threads share.
final class Guarded<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  init(_ value: Value) { self.value = value }

  func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
