# sh -c THIS mount_root.sh UNSHARE MOUNT UMOUNT CHROOT COMMAND [ARGUMENT…]
# Runs a command, in this directory, where the root directory is a mount of its own. The exit code is the command's;
# of a command that a signal ended it is 128 and the signal's number.
unshare=$1 mount=$2 umount=$3 chroot=$4
shift 4

# Caught here and so at their defaults in the command: what ends the command leaves this shell to clean up after it.
trap : HUP INT QUIT TERM

root=$(mktemp -d -t fragwall-root.XXXXXX) || exit 1

# The root directory's propagation can't be changed before it is a mount, so unshare has to leave it as it is. Once it
# is one, it takes part in what is mounted outside, but keeps its own mounts to itself.
"$unshare" --mount --propagation unchanged sh -c '
mount=$1 chroot=$2 root=$3
shift 3
if ! "$mount" --rbind / "$root" || ! "$mount" --make-rslave "$root"; then
    echo "error: the root directory can'\''t be made a mount point: the message above says why" >&2
    exit 1
fi
exec "$chroot" "$root" sh -c "cd \"\$0\" && exec \"\$@\"" "$PWD" "$@"
' sh "$mount" "$chroot" "$root" "$@"
status=$?

# If the mount above this directory is shared, the new one has appeared outside of the namespace too and is still there,
# as a peer of that mount: unmounted before it is private, it would take /proc and all the others along from there.
# Never more than an empty directory is removed: everything on this machine may be below it.
if ! rmdir "$root" 2>/dev/null; then
    "$mount" --make-rprivate "$root" && "$umount" --lazy "$root"
    rmdir "$root"
fi
exit "$status"
