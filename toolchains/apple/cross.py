"""Compiles the slices on Linux, to look at them: never to ship them.

    cross.py WORK OUTPUT     needs ziglang (clang with Apple's headers), ld64.lld, llvm-lipo, dsymutil and llvm-strip

There is no SDK here, so what the system has is a claim: each name that the library wants is put into a stub of the system
library that should have it. A wrong claim would show only on a device; what the library is like does not depend on it.
"""

import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

import ziglang

from slices import EXPORTS, NAME, ROOT, SLICES

ZIG = pathlib.Path(ziglang.__file__).parent
SYSTEM_HEADERS = ZIG / "lib/libc/include/any-darwin-any"
ARCHITECTURE = {"arm64": "aarch64", "x86_64": "x86_64"}
# The slim flavour, as core/CMakeLists.txt and Package.swift have it. What is in one line is compiled in one go: the headers
# of the C++ library cost more than our own lines do.
UNITS = {
    "base": ("core/base/*",),
    "lifetime": ("core/lifetime/*", "core/clock/clock_apple"),
    "session": ("core/session/*",),
    "engine": ("core/engine/*",),
    "client": ("core/client/*",),
    "http": ("core/http/allow_list", "core/http/transport", "core/http/url"),
    "store": ("core/http/retry_after", "core/portal_api/backend_answer", "core/portal_api/verdict", "core/store/host_store", "core/store/old_format", "core/store/record_codec"),
    "capi": ("capi/src/[!h]*",),
    "capi_http": ("capi/src/h*",),  # its helpers would hide others of the same name
}
FLAGS = (
    "-std=c++23", "-Os", "-g", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-fno-rtti", "-ffunction-sections",
    "-fdata-sections", "-fno-sanitize=undefined", "-DPORTAL_BUILDING", "-DNDEBUG",
    "-U_FORTIFY_SOURCE",
)


NEWEST = max(file.stat().st_mtime for folder in ("core", "capi", "toolchains/apple") for file in (ROOT / folder).rglob("*.*"))


def tool(name):
    """The newest version of an LLVM tool, as Debian names them."""
    for version in ("-22", "-21", "-20", "-19", ""):
        found = shutil.which(name + version)
        if found:
            return found
    sys.exit(f"cross.py: {name} is missing: bash toolchains/provision.sh apple")


def run(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(str(word) for word in command)}\n{result.stdout}{result.stderr}")
    return result.stdout


def write_units(folder):
    for name, patterns in UNITS.items():
        files = [file for pattern in patterns for file in sorted(ROOT.glob(f"{pattern}.cpp"))]
        (folder / f"{name}.cpp").write_text("".join(f'#include "{file.relative_to(ROOT)}"\n' for file in files))


def target(part, processor):
    system = {"macos": f"macos.{part.least}", "ios": f"ios.{part.least}"}[part.platform]
    return f"{ARCHITECTURE[processor]}-{system}" + (f"-{part.variant}" if part.variant else "")


def compile_one(job):
    part, processor, source, out = job
    if out.exists() and out.stat().st_mtime > NEWEST:
        return out
    system = [] if part.platform == "macos" else ["-isystem", SYSTEM_HEADERS]
    run(
        sys.executable, "-m", "ziglang", "c++", "-target", target(part, processor), *FLAGS, f"-I{ROOT}", f"-I{ROOT}/core",
        f"-I{ROOT}/capi/src", f"-I{ROOT}/capi/include", f"-ffile-prefix-map={ROOT}=.", *system, "-c", source, "-o", out.with_suffix(".tmp"),
    )
    out.with_suffix(".tmp").rename(out)
    return out


def stub(path, part, processor, library, names):
    """A text stub of a system library that has these names."""
    suffix = f"-{part.variant}" if part.variant else ""
    where = f"{processor}-{part.platform}{suffix}"
    symbols = ", ".join(f"'{name}'" for name in sorted(names))
    path.write_text(
        f"--- !tapi-tbd\ntbd-version: 4\ntargets: [ {where} ]\ninstall-name: '{library}'\n"
        f"exports:\n  - targets: [ {where} ]\n    symbols: [ {symbols} ]\n...\n"
    )
    return path


def is_of_cxx(name):
    return name.startswith(("__Z", "___cxa", "___gxx"))


def link(part, processor, objects, work):
    nm = run(tool("llvm-nm"), *objects)
    lines = [line.split() for line in nm.splitlines()]
    defined = {words[-1] for words in lines if len(words) == 3}
    wanted = {words[-1] for words in lines if len(words) == 2 and words[0] == "U"} - defined
    system = {name for name in wanted if not is_of_cxx(name)} | {"dyld_stub_binder"}
    stubs = [
        stub(work / "libc++.tbd", part, processor, "/usr/lib/libc++.1.dylib", wanted - system),
        stub(work / "libSystem.tbd", part, processor, "/usr/lib/libSystem.B.dylib", system),
    ]
    exports = work / "exports.txt"
    exports.write_text("".join(f"_{name}\n" for name in EXPORTS))
    library = work / NAME
    run(
        tool("ld64.lld"), "-dynamic", "-dylib", "-arch", processor, "-platform_version", part.linker_platform, part.least,
        "18.0", "-install_name", part.install_name, "-current_version", "1.0.0", "-compatibility_version", "1.0.0",
        "-exported_symbols_list", exports, "-dead_strip", "-application_extension", "-adhoc_codesign", "-o", library, *objects, *stubs,
    )
    shutil.rmtree(work / f"{NAME}.dSYM", ignore_errors=True)
    run(tool("dsymutil"), library, "-o", work / f"{NAME}.dSYM")
    run(tool("llvm-strip"), "-x", "-S", library)
    return library


def merge_symbols(parts, out):
    """One dSYM for both processors."""
    shutil.copytree(parts[0], out)
    inside = f"Contents/Resources/DWARF/{NAME}"
    run(tool("llvm-lipo"), "-create", *(part / inside for part in parts), "-output", out / inside)


def main():
    work, output = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    os.environ.setdefault("ZIG_GLOBAL_CACHE_DIR", str(work / "zig"))
    units = work / "units"
    units.mkdir(parents=True, exist_ok=True)
    write_units(units)
    jobs = []
    for part in SLICES:
        for processor in part.processors:
            folder = work / "objects" / part.folder / processor
            folder.mkdir(parents=True, exist_ok=True)
            jobs += [(part, processor, units / f"{name}.cpp", folder / f"{name}.o") for name in UNITS]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, _ in enumerate(pool.map(compile_one, jobs), 1):
            print(f"[{number}/{len(jobs)}]", flush=True)
    shutil.rmtree(output, ignore_errors=True)
    for part in SLICES:
        linked = []
        for processor in part.processors:
            folder = work / "objects" / part.folder / processor
            linked.append(link(part, processor, sorted(folder.glob("*.o")), folder))
        (output / part.folder).mkdir(parents=True)
        run(tool("llvm-lipo"), "-create", *linked, "-output", output / part.folder / NAME)
        merge_symbols([library.with_name(f"{NAME}.dSYM") for library in linked], output / part.folder / f"{NAME}.dSYM")


main()
