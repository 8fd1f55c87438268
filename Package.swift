// swift-tools-version: 6.0
// The Swift package. Swift Package Manager wants this file at the top; the sources are in bindings/swift.
//
// On Apple platforms the core comes as a binary: CPortalSession.xcframework of a release, or the one that
// toolchains/apple.sh made. Elsewhere, and on a Mac with PORTAL_SESSION_FROM_SOURCE=1, it is compiled from core/ and capi/.
import Foundation
import PackageDescription

/// Set by a release: where its xcframework is, and the checksum that toolchains/apple.sh printed.
let release: (url: String, checksum: String)? = nil
let madeHere = "build/apple/CPortalSession.xcframework"

#if os(Linux)
  let isOnApple = false
#else
  let isOnApple = true
#endif

let isMadeHere = FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + madeHere)
let fromSource =
  !isOnApple || Context.environment["PORTAL_SESSION_FROM_SOURCE"] == "1" || (release == nil && !isMadeHere)

let core: [Target]
if fromSource {
  core = [
    // The slim flavour: no curl, OpenSSL or simdjson. On Apple's systems it needs nothing; elsewhere tl::expected
    // (libexpected-dev), where the C++ library has no std::expected.
    .target(
      name: "CPortalSession",
      path: ".",
      sources: [
        "core/base", "core/lifetime", "core/session", "core/engine", "core/client",
        "core/clock/clock_\(isOnApple ? "apple" : "linux").cpp",
        "core/http/allow_list.cpp", "core/http/retry_after.cpp", "core/http/transport.cpp", "core/http/url.cpp",
        "core/portal_api/backend_answer.cpp", "core/portal_api/verdict.cpp", "core/store/host_store.cpp",
        "core/store/old_format.cpp", "core/store/record_codec.cpp",
        "capi/src",
      ],
      publicHeadersPath: "capi/include",
      cxxSettings: [.define("PORTAL_BUILDING"), .headerSearchPath("core")]
    )
  ]
} else if let release {
  core = [.binaryTarget(name: "CPortalSession", url: release.url, checksum: release.checksum)]
} else {
  core = [.binaryTarget(name: "CPortalSession", path: madeHere)]
}

// Linux has no Security framework: the Keychain store is compiled, unchanged, against a model of it.
let securityModel: [Target] = isOnApple ? [] : [.target(name: "Security", path: "bindings/swift/Tests/Security")]
let security: [Target.Dependency] = isOnApple ? [] : ["Security"]

var kitNeeds: [Target.Dependency] = ["CPortalSession"]
kitNeeds += security
var testsNeed: [Target.Dependency] = ["PortalSessionKit", "PortalSessionTestKit"]
testsNeed += kitNeeds

var targets: [Target] = [
  .target(name: "PortalSessionKit", dependencies: kitNeeds, path: "bindings/swift/Sources/PortalSessionKit"),
  .target(
    name: "PortalSessionTestKit", dependencies: ["PortalSessionKit"],
    path: "bindings/swift/Sources/PortalSessionTestKit"),
  .executableTarget(
    name: "LeaseBench", dependencies: ["PortalSessionKit", "CPortalSession"], path: "bindings/swift/Benchmarks"),
  .testTarget(
    name: "PortalSessionKitTests", dependencies: testsNeed, path: "bindings/swift/Tests/PortalSessionKitTests"),
]
targets += core
targets += securityModel

let package = Package(
  name: "portal-session",
  platforms: [.iOS(.v15), .macOS(.v12)],
  products: [
    .library(name: "PortalSessionKit", targets: ["PortalSessionKit"]),
    .library(name: "PortalSessionTestKit", targets: ["PortalSessionTestKit"]),
  ],
  targets: targets,
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: isOnApple ? .cxx2b : .cxx20  // std::expected; clang cannot read that of every libstdc++
)
