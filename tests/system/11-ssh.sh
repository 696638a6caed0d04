#!/bin/sh
# SPDX-License-Identifier: MIT
# 11-ssh.sh - OpenSSH: scp both ways, exit codes, a session that stays quiet and then talks
#
#    client (ssh, scp) ---- adit or veth ---- gateway ------------ servers (sshd :2222)
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 NEED="ssh sshd scp openssl"
. "$(dirname "$0")/../lib/netns.sh"

topo
mkdir -m 700 "$W/ssh"
ssh-keygen -q -t ed25519 -N '' -f "$W/ssh/host" && ssh-keygen -q -t ed25519 -N '' -f "$W/ssh/user"
cp "$W/ssh/user.pub" "$W/ssh/authorized"
cat >"$W/ssh/sshd.conf" <<-END
	Port 2222
	HostKey $W/ssh/host
	AuthorizedKeysFile $W/ssh/authorized
	PidFile none
	StrictModes no
	UsePAM no
	PermitRootLogin yes
	Subsystem sftp internal-sftp
END
start sshd servers "$(command -v sshd)" -D -e -f "$W/ssh/sshd.conf"
await_port sshd servers tcp 2222
options="-q -i $W/ssh/user -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o ConnectTimeout=10"
make_file "$W/20m" 20000000
for a in $S4 $S6; do
	h=$(url_host $a)
	# shellcheck disable=SC2086 # $options is words
	{
		client ssh $options -p 2222 "root@$a" 'exit 42' 2>"$W/err"
		is "ssh to $a brings the exit code" $? 42
		client scp $options -P 2222 "$W/20m" "root@$h:$W/up-$a" 2>"$W/err"
		same "scp of 20 MB to $a" "$W/up-$a" "$W/20m"
		client scp $options -P 2222 "root@$h:$W/20m" "$W/down-$a" 2>"$W/err"
		same "scp of 20 MB from $a" "$W/down-$a" "$W/20m"
		is "a pipe through ssh to $a, both directions at once" \
			"$(client ssh $options -p 2222 "root@$a" cat <"$W/20m" | sha256sum)" "$(sha256sum <"$W/20m")"
		is "a session to $a that pauses" "$(client ssh $options -p 2222 "root@$a" 'echo a; sleep 2; echo b' | tr '\n' ' ')" "a b "
	}
done
