// Whose records these are.
import Foundation

/// The app that a process belongs to.
enum Owner {
  /// nil: the process has no bundle.
  static var bundleID: String? { app(of: Bundle.main.bundleURL).bundleIdentifier }

  /// An extension lies in its app: `App.app/PlugIns/Part.appex`.
  private static func app(of bundle: URL) -> Bundle {
    guard bundle.pathExtension == "appex" else { return .main }
    return Bundle(url: bundle.deletingLastPathComponent().deletingLastPathComponent()) ?? .main
  }
}
