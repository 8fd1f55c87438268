"""Makes the xcframework of one library for each slice: frameworks with headers, module map, Info.plist and privacy manifest.

    assemble.py LIBRARIES OUTPUT     LIBRARIES holds FOLDER/CPortalSession(.dSYM) for each slice
"""

import pathlib
import plistlib
import re
import shutil
import sys

from slices import IDENTIFIER, NAME, ROOT, SLICES

HEADER = ROOT / "capi/include/portal_session/portal_session.h"
VERSION = re.search(r'#define PORTAL_VERSION "([0-9.]+)"', HEADER.read_text()).group(1)
MODULE_MAP = f"""framework module {NAME} {{
    header "portal_session.h"
    export *
}}
"""


def info_plist(part):
    plist = {
        "CFBundleDevelopmentRegion": "en",
        "CFBundleExecutable": NAME,
        "CFBundleIdentifier": IDENTIFIER,
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleName": NAME,
        "CFBundlePackageType": "FMWK",
        "CFBundleShortVersionString": VERSION,
        "CFBundleSupportedPlatforms": [part.bundle_platform],
        "CFBundleVersion": VERSION,
    }
    plist["LSMinimumSystemVersion" if part.is_deep else "MinimumOSVersion"] = part.least
    return plist


def make_framework(part, libraries, output):
    framework = output / part.framework
    content = framework / "Versions/A" if part.is_deep else framework
    resources = content / "Resources" if part.is_deep else content
    for folder in (content / "Headers", content / "Modules", resources):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(libraries / part.folder / NAME, content / NAME)
    shutil.copy(HEADER, content / "Headers")
    (content / "Modules/module.modulemap").write_text(MODULE_MAP)
    shutil.copy(pathlib.Path(__file__).with_name("PrivacyInfo.xcprivacy"), resources)
    with open(resources / "Info.plist", "wb") as file:
        plistlib.dump(info_plist(part), file)
    if part.is_deep:
        (framework / "Versions/Current").symlink_to("A")
        for name in (NAME, "Headers", "Modules", "Resources"):
            (framework / name).symlink_to(f"Versions/Current/{name}")
    symbols = libraries / part.folder / f"{NAME}.dSYM"
    shutil.copytree(symbols, output / part.folder / "dSYMs" / f"{NAME}.framework.dSYM")


def library_entry(part):
    entry = {
        "BinaryPath": part.binary.removeprefix(f"{part.folder}/"),
        "DebugSymbolsPath": "dSYMs",
        "LibraryIdentifier": part.folder,
        "LibraryPath": f"{NAME}.framework",
        "SupportedArchitectures": list(part.processors),
        "SupportedPlatform": part.platform,
    }
    if part.variant:
        entry["SupportedPlatformVariant"] = part.variant
    return entry


def main():
    libraries, output = (pathlib.Path(argument) for argument in sys.argv[1:])
    shutil.rmtree(output, ignore_errors=True)
    for part in SLICES:
        make_framework(part, libraries, output)
    with open(output / "Info.plist", "wb") as file:
        plistlib.dump(
            {
                "AvailableLibraries": [library_entry(part) for part in SLICES],
                "CFBundlePackageType": "XFWK",
                "XCFrameworkFormatVersion": "1.0",
            },
            file,
        )


main()
