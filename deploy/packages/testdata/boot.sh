#!/bin/sh
# boot.sh LOWER SHARE boots the Debian in LOWER with systemd as its process 1. It runs in namespaces of its own (unshare -m -p -f -n -u -i -C), and what
# the machine writes is in memory: LOWER stays as it is. SHARE is /share there.
set -eu
lower=$1
share=$2
mount --make-rprivate /
work=$(mktemp -d)
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
root=$work/root
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
for dir in run tmp dev; do mount -t tmpfs -o mode=0755 tmpfs "$root/$dir"; done
chmod 1777 "$root/tmp"
for device in null zero full random urandom tty; do
	: >"$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts" "$root/share" "$root/old"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount --bind "$share" "$root/share"
ip link set lo up
hostname machine
cd "$root"
pivot_root . old
exec chroot . sh -c 'umount -l /old; exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=journal systemd.unit=multi-user.target' </dev/null
