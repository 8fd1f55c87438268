// Which installation of the app this is.
import Foundation

/// The mark is a symbolic link whose target is the installation's id: made in one step, by one process only, and readable
/// before first unlock, when files' contents are not.
struct Installation: Sendable {
  let mark: URL

  /// nil: the folder can be neither read nor written.
  var id: String? {
    let files = FileManager.default
    if let id = try? files.destinationOfSymbolicLink(atPath: mark.path) { return id }
    try? files.createDirectory(at: mark.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? files.createSymbolicLink(atPath: mark.path, withDestinationPath: UUID().uuidString)
    return try? files.destinationOfSymbolicLink(atPath: mark.path)  // ours, or that of a process that was faster
  }
}

extension Installation {
  /// Whether the mark of that account's installation is still there: in another container of this app.
  static func isAlive(_ account: String, _ mark: String) -> Bool {
    guard let id = try? FileManager.default.destinationOfSymbolicLink(atPath: mark) else { return false }
    return account.hasSuffix("@\(id)")
  }
}

extension URL {
  /// Of the app's own container.
  static var applicationSupport: URL {
    let folders = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask)
    return folders.first ?? URL(fileURLWithPath: NSHomeDirectory())
  }
}
