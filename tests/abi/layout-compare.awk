# SPDX-License-Identifier: MIT
# tests/abi/layout-compare.awk - the committed layout (file=1) against today's (file=2)
#
# Exit status 0: the same. 1: only harmless additions, each as "new: LINE". 2: something that breaks modules.
/^#/ || !NF { next }
file == 1 {
	old[$1 " " $2] = $0
	if ($1 == "struct")
		frozen[$2] = $3 == "frozen"
	if ($1 == "member") {
		split($2, part, ".")
		if ($4 + $6 > end[part[1]])
			end[part[1]] = $4 + $6
	}
	next
}
{
	key = $1 " " $2
	now[key] = 1
	if (key in old) {
		if (old[key] != $0) {
			print "changed: " old[key]
			print "    now: " $0
			bad = 1
		}
		next
	}
	split($2, part, ".")
	if ($1 == "member" && part[1] in frozen) {
		if (frozen[part[1]]) {
			print "grown, though frozen: " $0
			bad = 1
			next
		}
		if ($4 < end[part[1]]) {
			print "not at the end of its struct: " $0
			bad = 1
			next
		}
	}
	print "new: " $0
	fresh = 1
}
END {
	for (key in old)
		if (!(key in now)) {
			print "vanished: " old[key]
			bad = 1
		}
	exit bad ? 2 : fresh ? 1 : 0
}
