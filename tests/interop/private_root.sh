#!/bin/sh
# private_root.sh ROOT DATA COMMAND...
#
# Runs COMMAND in a file system that is this machine's, except that /data is the folder DATA. The SDK keeps its
# counters in /data and nowhere else; this way it needs neither root nor a folder outside the test's own.
# ROOT is an empty folder for the mount point. To be run in a mount namespace (unshare --mount).
set -eu
root=$1 data=$2
shift 2
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
for entry in /*; do
    if [ "$entry" = /data ]; then
        continue
    elif [ -L "$entry" ]; then
        cp --no-dereference "$entry" "$root$entry"
    elif [ -d "$entry" ]; then
        mkdir "$root$entry"
        mount --rbind "$entry" "$root$entry"
    fi
done
mkdir "$root/data"
mount --bind "$data" "$root/data"
# The SDK opens this file too, whoever owns it: everyone gets their own over it.
[ -e /tmp/chip_kvs ] || : >/tmp/chip_kvs
: >>"$data/chip_kvs"
mount --bind "$data/chip_kvs" "$root/tmp/chip_kvs"
exec chroot "$root" "$@"
