"""Looks at an xcframework: layout, exports, platforms, dependencies, privacy, size. Ends with 1 and a line for each fault.

    check.py XCFRAMEWORK
"""

import pathlib
import plistlib
import re
import shutil
import subprocess
import sys

from slices import EXPORTS, NAME, ROOT, SLICES

LARGEST = 450_000  # bytes of one processor's library, stripped
DEPENDENCIES = {"/usr/lib/libSystem.B.dylib", "/usr/lib/libc++.1.dylib"}
# Apple's APIs that want a reason, by the names that a library imports.
REASONED = {
    "NSPrivacyAccessedAPICategoryFileTimestamp": {
        "_stat", "_fstat", "_lstat", "_fstatat", "_getattrlist", "_getattrlistbulk", "_fgetattrlist", "_getattrlistat",
        "_setattrlist", "_fsetattrlist", "_setattrlistat",
    },
    "NSPrivacyAccessedAPICategorySystemBootTime": {"_mach_absolute_time"},
    "NSPrivacyAccessedAPICategoryDiskSpace": {"_statfs", "_statvfs", "_fstatfs", "_fstatvfs"},
    "NSPrivacyAccessedAPICategoryUserDefaults": {"_OBJC_CLASS_$_NSUserDefaults"},
}
PLATFORMS = {"macos": {"1", "macos"}, "ios": {"2", "ios"}, "ios-simulator": {"7", "iossimulator"}}
# A lock that is held while iOS suspends the process ends it.
NEVER_IMPORTED = {"_flock", "_fcntl", "_lockf", "_system", "_exec", "_fork"}

faults = []


def expect(condition, fault):
    if not condition:
        faults.append(fault)


def tool(name):
    for version in ("-22", "-21", "-20", "-19", ""):
        found = shutil.which(f"llvm-{name}{version}")
        if found:
            return [found]
    return ["xcrun", name]


def output(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout


def names(binary, processor, *options):
    lines = output(*tool("nm"), f"--arch={processor}", *options, binary).splitlines()
    return {line.split()[-1] for line in lines if line.strip() and not line.endswith(":")}


def value(text, key):
    return re.findall(rf"^\s*{key} (\S+)", text, re.MULTILINE)


def uuids(binary):
    return set(re.findall(r"^\s*uuid (\S+)", output(*tool("otool"), "-arch", "all", "-l", binary), re.MULTILINE))


def check_processor(part, binary, processor):
    where = f"{part.folder} {processor}"
    exported = {name for name in names(binary, processor, "--extern-only", "--defined-only")}
    expect(exported == {f"_{name}" for name in EXPORTS}, f"{where}: exports differ: {exported ^ {f'_{n}' for n in EXPORTS}}")
    imported = names(binary, processor, "--undefined-only")
    expect(not imported & NEVER_IMPORTED, f"{where}: imports {imported & NEVER_IMPORTED}")

    commands = output(*tool("otool"), "-arch", processor, "-l", binary)
    build = commands[commands.index("LC_BUILD_VERSION") :]
    platform = value(build, "platform")[0].lower()
    expect(platform in PLATFORMS[part.linker_platform], f"{where}: platform {platform}")
    expect(value(build, "minos")[0] == part.least, f"{where}: oldest system {value(build, 'minos')[0]}")
    names_of_libraries = value(commands, "name")
    expect(names_of_libraries and names_of_libraries[0] == part.install_name, f"{where}: id {names_of_libraries[:1]}")
    header = output(*tool("otool"), "-arch", processor, "-hv", binary)
    expect("APP_EXTENSION_SAFE" in header, f"{where}: an app extension that links it gets a warning")
    loaded = set(re.findall(r"cmd LC_LOAD(?:_WEAK)?_DYLIB\n.*\n\s*name (\S+)", commands))
    expect(loaded == DEPENDENCIES, f"{where}: loads {sorted(loaded)}")
    return imported


def check_privacy(part, folder, imported):
    with open(folder / "PrivacyInfo.xcprivacy", "rb") as file:
        manifest = plistlib.load(file)
    declared = {entry["NSPrivacyAccessedAPIType"] for entry in manifest["NSPrivacyAccessedAPITypes"]}
    used = {category for category, symbols in REASONED.items() if imported & symbols}
    expect(declared == used, f"{part.folder}: the privacy manifest says {declared or 'nothing'}, the library uses {used}")
    expect(manifest["NSPrivacyTracking"] is False, f"{part.folder}: tracking is not denied")


def check_size(part, binary, processor, work):
    thin = work / f"{part.folder}-{processor}"
    if len(part.processors) > 1:
        output(*tool("lipo"), binary, "-thin", processor, "-output", thin)
    else:
        shutil.copy(binary, thin)
    size = thin.stat().st_size
    print(f"{part.folder:28} {processor:7} {size:>8} bytes")
    expect(size <= LARGEST, f"{part.folder} {processor}: {size} bytes are more than {LARGEST}")


def check_module(part, root):
    """A client can import the module: with any clang, as the header asks for no SDK."""
    clang = next((c for c in ("clang", "clang-19", "clang-16", "clang-14") if shutil.which(c)), None)
    if clang is None:
        faults.append("no clang to import the module with")
        return
    source = f"@import {NAME};\nint main(void) {{ return portal_abi() == PORTAL_ABI ? 0 : 1; }}\n"
    triple = {"macos": "macos", "ios": "ios"}[part.platform] + part.least + (f"-{part.variant}" if part.variant else "")
    for processor in part.processors:
        result = subprocess.run(
            [
                clang, "-target", f"{processor}-apple-{triple}", "-x", "objective-c", "-fmodules", "-ffreestanding",
                f"-fmodules-cache-path={root.parent}/modules", "-fsyntax-only", "-Werror", "-F", root / part.folder, "-",
            ],
            input=source, capture_output=True, text=True,
        )
        expect(result.returncode == 0, f"{part.folder}: the module cannot be imported: {result.stderr[:300]}")


def check_slice(part, root, work):
    framework = root / part.framework
    binary = root / part.binary
    content = binary.parent
    resources = content / "Resources" if part.is_deep else content
    needed = [binary, content / "Headers/portal_session.h", content / "Modules/module.modulemap"]
    needed += [resources / "Info.plist", resources / "PrivacyInfo.xcprivacy"]
    missing = [str(path.relative_to(root)) for path in needed if not path.is_file()]
    expect(not missing, f"missing: {missing}")
    if missing:
        return
    if part.is_deep:
        expect((framework / NAME).resolve() == binary.resolve(), f"{part.folder}: its link leads nowhere")
    header = ROOT / "capi/include/portal_session/portal_session.h"
    expect((content / "Headers/portal_session.h").read_bytes() == header.read_bytes(), f"{part.folder}: another header")
    with open(resources / "Info.plist", "rb") as file:
        plist = plistlib.load(file)
    least = plist.get("LSMinimumSystemVersion" if part.is_deep else "MinimumOSVersion")
    expect(least == part.least, f"{part.folder}: Info.plist asks for {least}")
    expect(plist["CFBundleSupportedPlatforms"] == [part.bundle_platform], f"{part.folder}: of another platform")

    processors = set(output(*tool("lipo"), "-archs", binary).split())
    expect(processors == set(part.processors), f"{part.folder}: is for {processors}")
    expect(str(ROOT).encode() not in binary.read_bytes(), f"{part.folder}: names the folder it was built in")
    symbols = root / part.folder / f"dSYMs/{NAME}.framework.dSYM/Contents/Resources/DWARF/{NAME}"
    expect(symbols.is_file() and uuids(symbols) == uuids(binary), f"{part.folder}: its dSYM is of another library")
    imported = set()
    for processor in part.processors:
        imported |= check_processor(part, binary, processor)
        check_size(part, binary, processor, work)
    check_privacy(part, resources, imported)
    check_module(part, root)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    work = root.parent / "thin"
    work.mkdir(exist_ok=True)
    with open(root / "Info.plist", "rb") as file:
        listed = {entry["LibraryIdentifier"] for entry in plistlib.load(file)["AvailableLibraries"]}
    expect(listed == {part.folder for part in SLICES}, f"Info.plist lists {listed}")
    for part in SLICES:
        check_slice(part, root, work)
    for fault in faults:
        print(f"check.py: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


main()
