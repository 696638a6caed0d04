#!/bin/sh
# SPDX-License-Identifier: MIT
# pages.sh - the man pages are clean and whole, and the completions of the shells complete
#
#    no network: only the program and what the build made of it
#
# shellcheck disable=SC2034,SC2016,SC2015,SC2086,SC1091
LIMIT=60 ONLY=adit NEED="bash"
. "$(dirname "$0")/../lib/netns.sh"

[ -e "$BUILD/docs/man/adit.1" ] || { skip "pages and completions" "a cross build makes none"; exit 0; }
docs=$TESTDIR/../../docs
"$ADIT" help manual >"$W/adit.1"
same "docs/man/adit.1 is what the program says" "$W/adit.1" "$BUILD/docs/man/adit.1"
for s in bash:adit zsh:_adit fish:adit.fish; do
	"$ADIT" help "completion-${s%:*}" >"$W/said"
	same "docs/completion/${s#*:} is what the program says" "$W/said" "$BUILD/docs/completion/${s#*:}"
done

# ---- man pages
for page in "$W/adit.1" "$docs/man/adit-manifest.5"; do
	if command -v groff >/dev/null; then
		is "groff has nothing to say about $(basename "$page")" "$(groff -mdoc -ww -Tutf8 "$page" 2>&1 >/dev/null)" ""
	else
		skip "groff on $(basename "$page")" "it is not installed"
	fi
	if command -v mandoc >/dev/null; then
		is "mandoc neither" "$(mandoc -Tlint "$page" | grep -v 'referenced manual not found')" ""
	else
		skip "mandoc on $(basename "$page")" "it is not installed"
	fi
	if command -v man >/dev/null; then
		like "man shows it" "$(MANWIDTH=80 man -l "$page" 2>&1 | head -n 1)" '^ADIT(-MANIFEST)?\([15]\) '
	else
		skip "man shows it" "it is not installed"
	fi
done

# ---- every command and option of --help is everywhere
options_of() { "$ADIT" "$1" --help | sed -n 's/^  .*--\([a-z-]*\).*/\1/p'; }
commands=$("$ADIT" help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
missing=
for c in $commands; do
	sed -n "/^\.Ss adit $c\$/,/^\.S[sh]/p" "$W/adit.1" >"$W/section"
	[ -s "$W/section" ] || missing="$missing page:$c"
	bash=$(sed -n "s/^	$c) opts='\([^']*\)'.*/\1/p" "$BUILD/docs/completion/adit")
	sed -n "/^$c)/,/;;/p" "$BUILD/docs/completion/_adit" >"$W/zsh"
	for o in $(options_of "$c"); do
		[ "$o" = help ] || grep -q "Fl -$o\( \|\$\)" "$W/section" || missing="$missing page:$c--$o"
		case " $bash " in *" --$o "*) ;; *) missing="$missing bash:$c--$o" ;; esac
		grep -Eq -e "--$o(=|\[|'|})" "$W/zsh" || missing="$missing zsh:$c--$o"
		grep -q "_from $c'.* -l $o " "$BUILD/docs/completion/adit.fish" || missing="$missing fish:$c--$o"
	done
done
is "every command and option of --help is in the page and the completions" "$missing" ""
is "... and there are some" "$(options_of exec | wc -l | awk '{ print ($1 > 8) }')" 1

# ---- bash
PATH=$(dirname "$ADIT"):$PATH
complete_bash() { bash --norc "$TESTDIR/complete.bash" "$BUILD/docs/completion/adit" "$@" | sort -u | tr '\n' ' '; }
is "bash: adit exe" "$(complete_bash adit exe)" "exec "
is "bash: adit and nothing" "$(complete_bash adit '')" \
	"$(printf '%s\n' $commands --help --version | sort | tr '\n' ' ')"
is "bash: adit exec --f" "$(complete_bash adit exec --f)" "--flows --form "
is "bash: adit run --origin is not offered" "$(complete_bash adit run --or)" ""
is "bash: adit show --or" "$(complete_bash adit show --or)" "--origin "
is "bash: adit inspect handler-d" "$(complete_bash adit inspect handler-d)" "handler-direct "
is "bash: adit exec --handler handler-d" "$(complete_bash adit exec --handler handler-d)" "handler-direct "
is "bash: adit help completion-z" "$(complete_bash adit help completion-z)" "completion-zsh "
mkdir -p "$W/d/folder" && : >"$W/d/m.json" && cd "$W/d" || bail "no directory"
is "bash: adit check: files" "$(complete_bash adit check '')" "folder m.json "
is "bash: adit run --module-dir: folders" "$(complete_bash adit run --module-dir '')" "folder "
is "bash: adit exec, a command" "$(complete_bash adit exec -- setpri)" "setpriv "
is "bash: adit exec ls: files, and no option of adit's" "$(complete_bash adit exec ls '')$(complete_bash adit exec ls --fl)" "folder m.json "
is "bash: a value that is a command's name does not begin it" "$(complete_bash adit exec --stack ls --fl)" "--flows "
is "bash: behind -- no options" "$(complete_bash adit exec -- --fl)" ""

# ---- zsh and fish
if command -v zsh >/dev/null; then
	check "zsh reads its completion" zsh -n "$BUILD/docs/completion/_adit"
else
	skip "zsh reads its completion" "it is not installed"
fi
if command -v fish >/dev/null; then
	ask_fish() { HOME=$W/d fish --no-config -c "source $BUILD/docs/completion/adit.fish; complete -C '$1'" | cut -f1 | sort | tr '\n' ' '; }
	is "fish: adit exe" "$(ask_fish 'adit exe')" "exec "
	is "fish: adit show --or" "$(ask_fish 'adit show --or')" "--origin "
	is "fish: adit exec --fl" "$(ask_fish 'adit exec --fl')" "--flows "
	is "fish: adit inspect handler-d" "$(ask_fish 'adit inspect handler-d')" "handler-direct "
else
	skip "fish completes" "it is not installed"
fi
