#!/bin/sh
# install.sh -- what `make install` laid down can be found, compiled against, and run.
#
# usage: install.sh HEADER...   with CC, CFLAGS, PKG_CONFIG, PKG_CONFIG_PATH, bindir, libdir, datadir set

set -eu
: "${bindir:?}" "${libdir:?}" "${datadir:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

{
  for header in "$@"; do
    echo "#include <qkcheck/$(basename "$header")>"
  done
  cat << 'END'
#include <stdio.h>

int
main (void)
{
  struct qk_enclosure e = { 64, 0.1, 63.5, 64.5 };
  puts (qk_verdict_name (qk_verdict_decide (e, qk_band_ratio (64, 0.01))));
  return 0;
}
END
} > "$work/use.c"

# Words of flags.
# shellcheck disable=SC2046,SC2086
$CC $CFLAGS -o "$work/use" "$work/use.c" $($PKG_CONFIG --cflags --libs qkcheck) \
  -Wl,-rpath,"$libdir"
[ "$("$work/use")" = holds ] || { echo "install.sh: the library does not judge" >&2; exit 1; }

"$bindir/qkcheck" --version | grep -qF "$($PKG_CONFIG --modversion qkcheck)" \
  || { echo "install.sh: program and qkcheck.pc disagree on the version" >&2; exit 1; }

for file in bash-completion/completions/qkcheck zsh/site-functions/_qkcheck \
    fish/vendor_completions.d/qkcheck.fish; do
  [ -s "$datadir/$file" ] || { echo "install.sh: no $datadir/$file" >&2; exit 1; }
done
