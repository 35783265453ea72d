#!/bin/bash
# Make the virtual machine of the PPTP lab: a Debian kernel and an initramfs that hold
# pptpd, pppd with radius.so and radattr.so, and the pptp-linux client.
#
#   ./build.sh            prints the folder of the finished image; progress goes to stderr
#
# Needs root and the Debian packages debootstrap and qemu-system-x86. Settings:
#   RADIUSD_TEST_CACHE    where images are kept; default /var/cache/radiusd-tests for root,
#                         else ${XDG_CACHE_HOME:-~/.cache}/radiusd-tests. Made when missing,
#                         and may be deleted at any time: it only saves the next build.
#   PPTP_SUITE            Debian release in the machine: bookworm (ppp 2.4.9), trixie (ppp 2.5)
#   DEBIAN_MIRROR         mirror to fetch from; default: debootstrap's own
#   REBUILD=1             build although the image is there
#
# The image's folder carries a digest of what it was made from, so that a change of this
# script makes a new one. Builds take a lock and appear by one rename: an image is whole or absent.
set -euo pipefail

lab=$(cd "$(dirname "$0")" && pwd)
suite=${PPTP_SUITE:-bookworm}
packages=pptpd,ppp,pptp-linux,iproute2,iputils-ping,tcpdump,kmod,busybox,netbase
modules="virtio_pci virtio_net 9pnet_virtio 9p af_packet veth ppp_generic ppp_async ppp_mppe
         gre ip_gre pptp nf_conntrack nf_conntrack_pptp"

say() { echo "build.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

if [ -n "${RADIUSD_TEST_CACHE:-}" ]; then cache=$RADIUSD_TEST_CACHE
elif [ "$(id -u)" = 0 ]; then cache=/var/cache/radiusd-tests
else cache=${XDG_CACHE_HOME:-$HOME/.cache}/radiusd-tests; fi
mkdir -p "$cache" || fail "cannot make $cache; name another folder in RADIUSD_TEST_CACHE"
cache=$(cd "$cache" && pwd)

digest=$(cat "$lab/build.sh" "$lab/guest/init" | sha256sum | cut -c1-12)
image=$cache/pptp-$suite-$digest

exec 9> "$cache/pptp-$suite.lock"
flock -n 9 || { say "waiting for another build of $suite"; flock -w 900 9 || fail "the other build did not end in 15 minutes"; }

if [ -e "$image/versions.txt" ] && [ -z "${REBUILD:-}" ]; then
    echo "$image"
    exit 0
fi
[ "$(id -u)" = 0 ] || fail "no image in $cache, and making one needs root (debootstrap)"
for tool in debootstrap chroot python3; do
    command -v $tool > /dev/null || fail "$tool is missing (apt-get install debootstrap python3)"
done

work=$cache/.pptp-$suite.partial
log=$cache/pptp-$suite.log
root=$work/root
discard() {
    local m
    for m in proc sys dev/pts dev; do umount -l "$root/$m" 2> /dev/null || true; done
    rm -rf --one-file-system "$work"
}
trap discard EXIT
discard                    # what a killed build left behind
mkdir -p "$root" "$work/image" "$cache/packages"
: > "$log"

# Proxies are all that the steps inside inherit.
inside() {
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"
}
step() {                   # step WORDS COMMAND...: run it, and show the log's end when it fails
    local words=$1; shift
    say "$words"
    "$@" >> "$log" 2>&1 &  # in its own process, where set -e holds
    wait $! || { tail -n 8 "$log" >&2; fail "$words failed; the whole log is $log"; }
}

bootstrap() {
    local try
    for try in 1 2 3; do   # a mirror may hiccup; what was fetched is kept
        debootstrap --variant=minbase --cache-dir="$cache/packages" --include=$packages \
            "$suite" "$root" ${DEBIAN_MIRROR:-} && return
        umount -l "$root/proc" "$root/sys" 2> /dev/null || true
        rm -rf --one-file-system "$root"; mkdir "$root"
    done
    return 1
}

fetch_kernel() {           # unpack the release's kernel package to /kernel, without installing it
    inside sh -ec '
        apt-get update -qq
        mkdir /kernel; chmod 777 /kernel; cd /kernel
        package=$(apt-cache depends --important linux-image-amd64 | sed -n "s/^ *Depends: \(linux-image-.*\)/\1/p" | head -n 1)
        apt-get download -qq "$package"
        dpkg-deb -x ./*.deb .
        rm ./*.deb'
    [ -d "$root/kernel/lib" ] || mv "$root/kernel/usr/lib" "$root/kernel/lib"
}

# Emulation pays for every byte that the guest has to unpack, so the kernel is stored as plain ELF.
unpack_kernel() {          # unpack_kernel VMLINUZ OUT
    python3 - "$@" <<'PY'
import lzma, shutil, subprocess, sys
packed = open(sys.argv[1], "rb").read()
plain = b""
if (at := packed.find(b"\xfd7zXZ\0")) > 0:
    plain = lzma.LZMADecompressor().decompress(packed[at:])
elif (at := packed.find(b"\x28\xb5\x2f\xfd")) > 0 and shutil.which("zstd"):
    plain = subprocess.run(["zstd", "-dcq"], input=packed[at:], capture_output=True).stdout
with open(sys.argv[2], "wb") as out:
    out.write(plain if plain.startswith(b"\x7fELF") else packed)
PY
}

keep_modules() {           # move the wanted modules, and what they need, to the place the guest loads from
    local version=$1 module path
    inside depmod -b /kernel "$version"
    for module in $modules; do
        inside modprobe -d /kernel -S "$version" --show-depends "$module" 2> /dev/null || true
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u > "$work/modules"
    rm -rf "$root/lib/modules"
    while read -r path; do
        install -D "$root$path" "$root/lib/modules/$version/${path##*/modules/"$version"/}"
    done < "$work/modules"
    cp "$root/kernel/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$version/"
    inside depmod "$version"
    rm -rf "$root/kernel"
}

pack() {                   # what a test never opens stays out of the archive
    install -m 755 "$lab/guest/init" "$root/init"
    rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,zoneinfo,perl5,bash-completion} \
        "$root"/usr/lib/{apt,*-linux-gnu/gconv,*-linux-gnu/perl-base} "$root"/usr/bin/{perl*,apt*} \
        "$root"/var/{lib/dpkg,lib/apt,cache,log}/*
    inside sh -ec 'find . -xdev -mindepth 1 ! -path ./initrd.cpio | busybox cpio -o -H newc > /initrd.cpio'
    mv "$root/initrd.cpio" "$work/image/"
}

step "fetching Debian $suite" bootstrap
step "fetching its kernel" fetch_kernel
version=$(ls "$root/kernel/lib/modules")
{ echo "kernel $version"
  inside dpkg-query -W -f '${Package} ${Version}\n' ppp pptpd pptp-linux iproute2 tcpdump
} > "$work/versions.txt"
step "unpacking the kernel" unpack_kernel "$root/kernel/boot/vmlinuz-$version" "$work/image/vmlinux"
step "choosing modules" keep_modules "$version"
step "packing the file system" pack
mv "$work/versions.txt" "$work/image/"
rm -rf "$image"
mv "$work/image" "$image"
say "made $image: $(tr '\n' ',' < "$image/versions.txt")"
find "$cache" -maxdepth 1 -name "pptp-$suite-*" -type d ! -path "$image" -mtime +7 -exec rm -rf {} +   # of older scripts
echo "$image"
