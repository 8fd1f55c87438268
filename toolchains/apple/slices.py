"""The slices of the xcframework: which platform and processor each library in it is for."""

import dataclasses
import pathlib

NAME = "CPortalSession"
IDENTIFIER = "portal-session.CPortalSession"
ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPORTS = (ROOT / "capi/exports.txt").read_text().split()


@dataclasses.dataclass(frozen=True)
class Slice:
    folder: str  # as Xcode names it
    platform: str  # SupportedPlatform of Info.plist
    variant: str
    bundle_platform: str  # CFBundleSupportedPlatforms
    least: str  # the oldest system
    sdk: str  # xcrun's name
    linker_platform: str
    processors: tuple

    @property
    def is_deep(self):
        return self.platform == "macos"

    @property
    def framework(self):
        return f"{self.folder}/{NAME}.framework"

    @property
    def binary(self):
        return f"{self.framework}/Versions/A/{NAME}" if self.is_deep else f"{self.framework}/{NAME}"

    @property
    def install_name(self):
        return f"@rpath/{NAME}.framework/" + (f"Versions/A/{NAME}" if self.is_deep else NAME)


SLICES = (
    Slice("ios-arm64", "ios", "", "iPhoneOS", "15.0", "iphoneos", "ios", ("arm64",)),
    Slice(
        "ios-arm64_x86_64-simulator", "ios", "simulator", "iPhoneSimulator", "15.0", "iphonesimulator",
        "ios-simulator", ("arm64", "x86_64"),
    ),
    Slice("macos-arm64_x86_64", "macos", "", "MacOSX", "12.0", "macosx", "macos", ("arm64", "x86_64")),
)
