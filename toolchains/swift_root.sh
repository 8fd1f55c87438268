# shellcheck shell=bash
# Sourced by swift.sh: Swift 6 on a Linux machine that has none. A Debian 13 in a folder outside the repository, made once
# and used by every clone; `in_swift_root` runs a command in it, with the repository at /src.

swift_cache=${PORTAL_SESSION_CACHE:-/var/cache/portal-session}
swift_root=$swift_cache/trixie

# Makes the root, or completes it, under a lock; a share of that lock (descriptor 7) then keeps it for as long as the
# script runs.
take_swift_root() {
    [ "$(id -u)" -eq 0 ] || fail "there is no Swift 6 here, and making a Debian 13 folder for it needs root"
    mkdir -p "$swift_cache" || fail "cannot write to $swift_cache: set PORTAL_SESSION_CACHE to another folder"
    exec 7>"$swift_root.lock"
    flock 7
    if [ ! -e "$swift_root/stamp" ]; then
        # shellcheck disable=SC2154
        [ "$install" = yes ] || fail "there is no Swift 6 here, and --no-install"
        echo "[$(elapsed)] No Swift 6 here: making a Debian 13 with it in $swift_root (3 GB; kept, and yours to delete)"
        bash toolchains/provision.sh swift || exit 1
        must "Debian 13" twice fresh_debian
    fi
    [ "$install" = no ] || must "Swift 6 and what C++ needs, in Debian 13" twice in_swift_root bash toolchains/provision.sh build tests swift-root
    rm -f "$swift_root"/var/cache/apt/archives/*.deb
    flock -s 7
}

# A download may fail; a second one seldom does.
twice() { "$@" || "$@"; }

fresh_debian() {
    local mirror
    rm -rf "$swift_root"  # no mount can be in it: they live in namespaces of their own
    # The mirror that this machine uses, if it is a Debian; else debootstrap's own choice.
    # shellcheck disable=SC2016
    mirror=$(. /etc/os-release && [ "$ID" = debian ] && apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' "Codename: $VERSION_CODENAME" | head -n 1)
    debootstrap --variant=minbase trixie "$swift_root" ${mirror:+"$mirror"} || return
    printf '#!/bin/sh\nexit 101\n' >"$swift_root/usr/sbin/policy-rc.d"  # starts no service
    chmod +x "$swift_root/usr/sbin/policy-rc.d"
    printf 'path-exclude=/usr/share/%s/*\n' doc man locale >"$swift_root/etc/dpkg/dpkg.cfg.d/lean"
    mkdir "$swift_root/src"
    touch "$swift_root/stamp"
}

# The command's mounts and processes live in namespaces that end with it.
in_swift_root() {
    # shellcheck disable=SC2016
    unshare --mount --propagation private --pid --fork --kill-child bash -c '
        root=$1; shift
        mount -t proc proc "$root/proc" && mount --bind "$PWD" "$root/src" && mount -t tmpfs tmpfs "$root/tmp" || exit
        # Terminals of its own, which some tests open.
        mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts" &&
            mount --bind "$root/dev/pts/ptmx" "$root/dev/ptmx" || exit
        trust=/etc/ssl/certs/ca-certificates.crt  # a copy: what tests add to it goes with the namespace
        if [ -e "$root$trust" ]; then
            cp "$root$trust" "$root/tmp/trust.pem" && mount --bind "$root/tmp/trust.pem" "$root$trust" || exit
        fi
        exec chroot "$root" /usr/bin/env -i HOME=/src/build/swift/home PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
            sh -c "cd /src && exec \"\$@\"" sh "$@"' bash "$swift_root" "$@"
}
