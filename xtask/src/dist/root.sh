# In namespaces of its own, with all this machine's files below an overlay in memory, boots systemd, which runs
# one script and ends with its status. Nothing outside is changed. Arguments: a directory for the overlay, the one
# that /mnt is to be.
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
root=$1/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"
mount --bind "$2" "$root/mnt"
mount -t proc proc "$root/proc"
# What is in there is the kernel's, not a namespace's.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
# As systemd mounts it on a machine.
mount -t bpf -o mode=0700 bpf "$root/sys/fs/bpf"
for directory in dev run tmp var/tmp; do mount -t tmpfs -o mode=0755 tmpfs "$root/$directory"; done
chmod 1777 "$root/tmp" "$root/var/tmp"
for device in null zero full random urandom tty; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

# Of this machine's own services, mounts and settings none is wanted.
units=$root/etc/systemd/system
rm -rf "$units"/*.wants "$units"/*.requires "$root"/lib/systemd/system/*.wants
: > "$root/etc/fstab"
for target in sysinit basic; do printf '[Unit]\nDescription=%s\n' "$target" > "$units/$target.target"; done
cat > "$units/trial.service" <<UNIT
[Unit]
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
ExecStart=/bin/sh -eux /mnt/trial.sh
StandardOutput=file:/mnt/trial.log
StandardError=inherit
TimeoutStartSec=120
UNIT
mkdir "$units/netboot.service.d"
printf '[Service]\nStandardOutput=append:/mnt/daemon.log\nStandardError=inherit\n' > "$units/netboot.service.d/log.conf"
exec env -i container=netboot-trial PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$root" /lib/systemd/systemd --system --unit=trial.service
