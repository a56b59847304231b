#!/bin/sh
# The first process of a node, in namespaces of its own: `node.sh FOLDER`. When it ends, the kernel ends every process
# of the node and takes away its mounts, so a kill is a power failure, and nothing stays on the machine.
set -eu
folder=$1

# The programs write to their usual places, which are the node's own here. Pods' mounts have to reach containerd.
mount --make-rshared /
mount --bind "$folder/lib" /var/lib
mount --bind "$folder/log" /var/log
mount -t tmpfs -o mode=755 node /run
hostname "$(basename "$folder")"

# The kubelet would set these for the whole machine. It reads the values that it wants here, and sets none.
pretend() {
    mkdir -p "/run/sysctl"
    echo "$2" >"/run/sysctl/${1##*/}"
    mount --bind "/run/sysctl/${1##*/}" "/proc/sys/$1"
}
pretend vm/overcommit_memory 1
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
# These belong to the node's network.
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables

# A program that ends is started again.
keep() {
    (
        while true; do
            "$@" || true
            sleep 1
        done
    ) >"/var/log/${1##*/}.log" 2>&1 &
}

keep containerd --config "$folder/containerd.toml"
while [ ! -S /run/containerd/containerd.sock ]; do sleep 0.1; done
. "$folder/start.sh"
wait
