# Installs packages without letting them start a service: strongSwan's would take UDP 500 and 4500 of this machine,
# when all that is wanted is its programs. policy-rc.d is how Debian's packages ask whether they may. A script does
# this, and not the task itself, so that the file goes away however the task ends.
policy=/usr/sbin/policy-rc.d
mark="Written by Fragwall's cargo xtask setup, for as long as it installs packages."
if [ ! -e "$policy" ] || grep -qsF "$mark" "$policy"; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\n# %s\nexit 101\n' "$mark" >"$policy"
    chmod 755 "$policy"
fi
DEBIAN_FRONTEND=noninteractive apt-get -qqy --option Dpkg::Use-Pty=0 --no-remove --no-install-recommends install "$@"
