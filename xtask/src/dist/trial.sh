# What an administrator does with the packages. /mnt holds them.
export NO_COLOR=1 DEBIAN_FRONTEND=noninteractive
# `!` would not end this script.
not() { if "$@"; then return 1; fi; }
property() { systemctl show --value --property "$1" netboot.service; }
mode() { test "$(stat -c '%a %U %G' "$1")" = "$2"; }
status() { sed -n "s/^$1:\t//p" "/proc/$(property MainPID)/status"; }

# Installed, and nothing more.
dpkg --install /mnt/netboot_*.deb
test "$(systemctl is-enabled netboot)" = disabled
test "$(systemctl is-active netboot)" = inactive
mode /usr/bin/netboot '755 root root'
mode /lib/systemd/system/netboot.service '644 root root'
mode /etc/netboot/netboot.toml '644 root root'
dpkg-query --show --showformat '${Conffiles}' netboot | grep -q '^ /etc/netboot/netboot.toml '
dpkg-query --show --showformat '${Depends}\n' netboot | tr ',' '\n' > /tmp/depends
not grep -Ev '^ *(libc6|libgcc-s1)( |$)' /tmp/depends
dpkg --verify netboot
getent passwd netboot | grep -q ':/usr/sbin/nologin$'
test -s /usr/share/doc/netboot/copyright
gzip --test /usr/share/doc/netboot/changelog.gz /usr/share/doc/netboot/changelog.Debian.gz
netboot check --quiet
systemd-analyze verify netboot.service
systemd-analyze security --no-pager --threshold=30 netboot.service > /tmp/security || { cat /tmp/security; exit 1; }

# It does not start without an interface, and says why.
not timeout 20 netboot run 2>/tmp/said
grep -q interfaces /tmp/said

# The sample, and an interface.
ip link set lo up
ip link add eth0 type veth peer name wire
ip address add 192.168.2.112/24 dev eth0
ip link set eth0 up
ip link set wire up
sed -i 's/^# interfaces/interfaces/' /etc/netboot/netboot.toml
systemctl start netboot || { systemctl --no-pager status netboot; tail -n 20 /mnt/daemon.log; exit 1; }
test "$(systemctl is-active netboot)" = active
netboot status
test "$(status Uid | cut -f 2)" = "$(id -u netboot)"
test "$(status NoNewPrivs)" = 1
for set in CapEff CapPrm; do test "$(status $set)" = 000000c000003400; done
for set in CapInh CapAmb; do test "$(status $set)" = 0000000000000000; done
mode /var/lib/netboot '750 netboot netboot'
mode /var/lib/netboot/status.sock '660 netboot netboot'
mode /sys/fs/bpf/netboot '750 netboot netboot'
test -n "$(ls /sys/fs/bpf/netboot)"
ip -details link show dev eth0 | grep -q prog/xdp

systemctl reload netboot
test "$(systemctl is-active netboot)" = active

# It comes back by itself.
before=$(property MainPID)
kill -9 "$before"
timeout 30 sh -c "until netboot status >/dev/null 2>&1 && test \"\$(systemctl is-active netboot)\" = active; do sleep 0.1; done"
test "$(property MainPID)" != "$before"

# An upgrade restarts it; the configuration stays as it was edited.
before=$(property MainPID)
dpkg --install /mnt/netboot_*.deb
test "$(systemctl is-active netboot)" = active
test "$(property MainPID)" != "$before"
grep -q '^interfaces' /etc/netboot/netboot.toml

# Removed, then purged.
dpkg --remove netboot
test "$(systemctl is-active netboot)" != active
ip -details link show dev eth0 > /tmp/link
not grep prog/xdp /tmp/link
test -z "$(ls -A /sys/fs/bpf/netboot 2>/dev/null)"
test -e /etc/netboot/netboot.toml
dpkg --purge netboot
for left in /etc/netboot /var/lib/netboot /usr/share/doc/netboot /usr/bin/netboot; do not test -e $left; done

# The tarball's program runs where there is no other file.
mkdir /tmp/tarball /tmp/empty
tar --extract --directory /tmp/tarball --strip-components 1 --file /mnt/netboot-*-linux-musl.tar.gz
cp /tmp/tarball/netboot /tmp/empty
chroot /tmp/empty /netboot --version
cd /tmp/tarball
printf '[Service]\nType=notify\nExecStart=%s run --iface eth0 --config %s\n' "$PWD/netboot" "$PWD/netboot.toml" \
    > /run/systemd/system/tarball.service
systemctl daemon-reload
systemctl start tarball
./netboot status --config netboot.toml
systemctl stop tarball
test "$(systemctl show --value --property Result tarball)" = success
