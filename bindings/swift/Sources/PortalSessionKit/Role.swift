// Which process of the app this is.
import Foundation

/// The word by which processes that share a store know each other's dead.
enum Role {
  /// By the bundle: the app, its widget, its notification service, or another extension.
  static var current: String { of(Bundle.main.bundleURL, Bundle.main.infoDictionary ?? [:]) }

  static func of(_ bundle: URL, _ info: [String: Any]) -> String {
    guard bundle.pathExtension == "appex" else { return "app" }
    let kind = (info["NSExtension"] as? [String: Any])?["NSExtensionPointIdentifier"] as? String
    switch kind {
    case "com.apple.widgetkit-extension": return "widget"
    case "com.apple.usernotifications.service": return "notification"
    default: return "extension"
    }
  }
}
