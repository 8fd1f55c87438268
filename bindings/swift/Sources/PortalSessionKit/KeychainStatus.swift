// What the keychain's answers mean for a record.
import Foundation

/// Nothing here ever means that a record is lost: it stays where it is.
enum KeychainStatus {
  /// It cannot be told now: tried again.
  case unavailable
  /// It will not work as this process is: the session goes on in memory.
  case failed(RecordFault)

  init(_ status: Int32) {
    switch status {
    case -25308, -25315,  // errSecInteractionNotAllowed, errSecInteractionRequired: locked
      -25291, -67585,  // errSecNotAvailable, errSecServiceNotAvailable: the system's keychain service is not there yet
      -25293, -128:  // errSecAuthFailed, errSecUserCanceled: the user has not allowed it this time
      self = .unavailable
    case -34018, -25243:  // errSecMissingEntitlement, errSecNoAccessForItem
      self = .failed(
        RecordFault(
          code: status,
          message: "The keychain refuses this process (\(status)), so the session lives in memory: sign the app with a "
            + "keychain access group, the one that the store names if it names one. A test needs a host app."))
    case -50:  // errSecParam
      self = .failed(
        RecordFault(
          code: status,
          message: "The keychain does not understand the query (\(status)), so the session lives in memory: check the "
            + "access group's name."))
    default:
      self = .failed(
        RecordFault(code: status, message: "The keychain failed (OSStatus \(status)), so the session lives in memory."))
    }
  }

  var load: RecordLoad {
    switch self {
    case .unavailable: .unavailable
    case .failed(let fault): .failed(fault)
    }
  }

  var save: RecordSave {
    switch self {
    case .unavailable: .unavailable
    case .failed(let fault): .failed(fault)
    }
  }
}
