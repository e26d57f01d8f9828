#!/busybox sh
# The first program in the guest: the host's root directory by 9p, which is only read, below an overlay in memory.
b=/busybox
$b mkdir -p /dev /proc /host /upper /root
$b mount -t devtmpfs dev /dev
for module in /modules/*; do
    $b insmod "$module" || echo "can't load $module"
done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 root /host
$b mount -t tmpfs -o size=1g upper /upper
$b mkdir /upper/files /upper/work
$b mount -t overlay -o lowerdir=/host,upperdir=/upper/files,workdir=/upper/work root /root
$b mkdir /root/results
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 results /root/results
exec $b switch_root /root /bin/sh /results/guest.sh
