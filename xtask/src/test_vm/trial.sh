# What is tried on a kernel, in a network, a mount and a process namespace of its own or a machine of its own; lo is up.
# `check NAME: ok` and `check NAME: FAILED` are read by test_vm.rs.
export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin NO_COLOR=1

"$NETBOOT" selftest load
"$NETBOOT" selftest adopt

# The daemon itself.
work=$(mktemp -d)
log=$work/log
pins=/sys/fs/bpf/netboot-trial
ip address add 192.168.2.112/24 dev lo
cat > "$work/netboot.toml" <<END
interfaces = ["lo"]
state-dir = "$work"
[xdp]
mode = "generic"
pin-path = "$pins"
[[subnet]]
cidr = "192.168.2.0/24"
[[host]]
mac = "52:54:00:00:00:01"
ip = "192.168.2.144"
END

check() {
    name=$1
    shift
    if "$@"; then
        echo "check $name: ok"
    else
        echo "check $name: FAILED"
        cat "$log"
    fi
}
said() { grep -q "$1" "$log"; }
serves() {
    tries=0
    until "$NETBOOT" status --config "$work/netboot.toml" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] && kill -0 $daemon 2>/dev/null || return 1
        sleep 0.1
    done
}
start() {
    "$NETBOOT" run --config "$work/netboot.toml" "$@" > "$log" 2>&1 &
    daemon=$!
    serves
}
end() {
    kill "$1" $daemon
    wait $daemon 2>/dev/null
    daemon=
    [ -e $pins/links/1 ]
}
not() { if "$@"; then return 1; fi; }

check 'daemon starts' start
check 'daemon is killed, pins stay' end -KILL
cat >> "$work/netboot.toml" <<END
[[host]]
mac = "52:54:00:00:00:02"
ip = "192.168.2.145"
END
start --keep
check 'next one adopts, with what changed' said 'adopted the XDP program .* 1 added, 0 changed, 0 removed .*interfaces=1'
check 'daemon with --keep ends, pins stay' end -TERM
start
check 'next one adopts, nothing changed' said 'adopted the XDP program .* 0 added, 0 changed, 0 removed .*interfaces=1'
check 'daemon without --keep ends, no pins' not end -TERM
start
check 'next one finds nothing' not said adopted
end -KILL
"$NETBOOT" detach --config "$work/netboot.toml" > "$log" 2>&1
check 'detach takes the program off' said 'detached from 1 interface'
check 'detach leaves nothing' test ! -e $pins
rm -r "$work"
echo 'check all were made: ok'
