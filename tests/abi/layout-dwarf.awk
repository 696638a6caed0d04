# SPDX-License-Identifier: MIT
# tests/abi/layout-dwarf.awk - struct members with offsets, and enumerators with values, from readelf's dump
#
# An entry begins "<depth><offset>: Abbrev Number: n (DW_TAG_x)"; its attributes follow, one per line. Only members
# that stand directly in a named struct adit_... are printed; unnamed unions are covered by their size.
function flush_entry()
{
	if (tag == "structure_type") {
		owner = name
		owner_depth = depth
	} else if (tag == "union_type") {
		owner = ""
		owner_depth = depth
	} else if (tag == "member" && owner ~ /^adit_/ && depth == owner_depth + 1)
		print owner "." name, place
	else if (tag == "enumerator" && name ~ /^ADIT_/)
		print name, value
	tag = ""
}
/Abbrev Number:/ {
	flush_entry()
	split($0, part, /[<>]/)
	depth = part[2]
	if (match($0, /DW_TAG_[a-z_]+/))
		tag = substr($0, RSTART + 7, RLENGTH - 7)
	name = ""
	place = 0
	value = 0
	next
}
/DW_AT_name/ { name = $NF }
/DW_AT_data_member_location/ { place = $NF }
/DW_AT_const_value/ { value = $NF }
END { flush_entry() }
