# What the guest does once the root directory is there: RELEASE, MODULES, FOLDER and FRAGWALL_NICS are set above, and /results/commands has a
# line "NAME COMMAND" for each program.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t bpf bpf /sys/fs/bpf
mkdir -p "/lib/modules/$RELEASE"
mount --bind "$MODULES" "/lib/modules/$RELEASE"
export FRAGWALL_NICS PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CI=true RUST_BACKTRACE=0
ip link set lo up
modprobe virtio_net
cd "$FOLDER"
while read -r name command; do
    sh -c "$command" >"/results/$name.log" </dev/null
    echo "$name $?" >>/results/codes
done </results/commands
sync
echo o >/proc/sysrq-trigger
sleep 60
