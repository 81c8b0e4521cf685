#!/bin/sh
# report.sh -- the page of qkcheck verify --report: its numbers are those of JSON, its structure is
# sound, it asks nothing of a network, and it fits a phone, light and dark.
#
# What needs python3, gnuplot or Chromium is skipped, saying so, where they are missing.

set -u
LC_ALL=C
export LC_ALL
: "${QKCHECK:=./qkcheck}"
QKCHECK=$(realpath "$QKCHECK")
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' 0
cd "$work" || exit 99
passed=0 failed=0

# check WHAT COMMAND...: it succeeds.
check ()
{
  what=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL: $what"; fi
}

holds () { grep -qF -e "$2" "$1"; }
lacks () { ! grep -qF -e "$2" "$1"; }

# ---- Mistakes: status 2, one line, nothing sampled, no file

mistake () # PATTERN ARGUMENT...
{
  pattern=$1
  shift
  "$QKCHECK" verify --thorough "$@" > out 2> err
  check "'$*': status 2" test $? -eq 2
  check "'$*': one line, nothing else" test "$(wc -l < err)-$(wc -c < out)" = 1-0
  check "'$*': says $(cat err)" grep -q -e "^qkcheck verify: --report: $pattern" err
}
mistake "'page.htm' ends in none of .html, .md" --report=page.htm
mistake "'html' ends in none of .html, .md" --report=html
mistake ".*No such file" --report=nowhere/page.html
mistake "'page.md' is also the file of --output" --report=page.md -o page.md
mistake "'page.md' is also the file of --report" --report=page.md --report=page.md
mistake "given more than 2 times" --report=page.md --report=page.html --report=other.md
check 'mistakes leave no file' test -z "$(find . -name '*page*')"

# ---- One run, as JSON, HTML, Markdown

rows='scale-exponent softmax-scaled shared-symmetric head-quality'
gnuplot=$(command -v gnuplot) || echo 'report: skipped: no gnuplot to draw with (Debian: gnuplot-nox)'
# shellcheck disable=SC2086
"$QKCHECK" verify $rows --tolerance=0.1 --json --report=page.html > json 2> err
check "verify --report holds: $(cat err)" test $? -eq 0
# shellcheck disable=SC2086
"$QKCHECK" verify $rows --tolerance=0.1 --json --report=page.md > again 2> err
check 'Markdown needs no gnuplot, and says nothing of it' test ! -s err
grep '"finding"' json > findings
grep '"finding"' again | cmp -s - findings
check 'a report is of the same findings, whatever its format' test $? -eq 0
check 'pictures are runs too' holds findings '"quantity":"participation","case":{"d_k":1024'
PATH= "$QKCHECK" verify scale-exponent --tolerance=0.1 --json --report=plain.html > out 2> err
grep '"finding"' out > plain
check 'without gnuplot: a warning' holds err 'no gnuplot on the PATH'
check 'without gnuplot: the page says so' holds plain.html 'there was no gnuplot to draw it'
check 'without gnuplot: no picture' lacks plain.html '<svg'
check 'the cited row has what is printed' holds page.html 'Vaswani et al. (2017), Table 3 (A)'
check 'a command line is told' holds page.html 'qkcheck softmax --dk=4..256*8 --scale=sqrt'
# shellcheck disable=SC2016
check 'Markdown has it too' holds page.md '`qkcheck verify scale-exponent'
mkdir fake
printf '#!/bin/sh\necho "line 1: out of paint" >&2; exit 1\n' > fake/gnuplot
chmod +x fake/gnuplot
PATH=$work/fake:$PATH "$QKCHECK" verify --thorough --report=spoiled.html > out 2> err
check 'a gnuplot that cannot draw is trouble before sampling' test $? -eq 2
check 'its complaint' holds err 'qkcheck verify: --report: gnuplot: out of paint'
"$QKCHECK" verify --thorough --progress=always --report=cut.html > out 2> progress &
pid=$!
turns=0
while ! grep -qs round progress && [ $turns -lt 600 ]; do sleep 0.1; turns=$((turns + 1)); done
kill -TERM $pid
wait $pid
check 'interrupted: ends by the signal' test $? -gt 128
check 'interrupted: the page says so' holds cut.html 'this is a partial result'
check 'interrupted: pictures too' holds cut.html 'No picture: '
"$QKCHECK" verify head-quality --report=both.html --report="<b>\"&'.md" > out 2> err
check 'given twice it writes both' holds both.html '<h1>'
check 'a strange name' test -s "<b>\"&'.md"

python=
for candidate in python3 /usr/bin/python3; do
  "$candidate" -c 'import json' 2> /dev/null && python=$candidate && break
done

cat > page.py <<'END'
"""page.py PAGE FINDINGS PICTURES -- the page is sound HTML, and its numbers are the findings."""
import json, re, sys
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "path", "use", "rect", "circle"}

class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.headings, self.rows = [], [], [], []
        self.row, self.pictures, self.targets, self.where = None, [], [], None

    def handle_startendtag(self, tag, attributes):
        self.look(tag, dict(attributes))

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.look(tag, a)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "html":
            assert a.get("lang") == "en", a
        if tag == "th":
            assert a.get("scope") in ("row", "col"), a
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "tr" and "data-finding" in a:
            self.row = {}
            self.rows.append(self.row)
        if tag == "data" and self.row is not None:
            self.where = a["class"]
            self.row[self.where] = (a["value"], "")

    def look(self, tag, a):
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base", "form"), tag
        if "id" in a:
            self.ids.append(a["id"])
        for name, value in a.items():
            assert not name.startswith("on"), name
            if name in ("href", "xlink:href", "src", "action", "srcset"):
                assert value.startswith("#"), (name, value)
                self.targets.append(value[1:])
        if tag == "svg":
            assert a["role"] == "img" and len(a["aria-label"]) > 60, a
            self.pictures.append(a["aria-label"])

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (self.open[-3:], tag, self.getpos())
        self.open.pop()
        if tag == "tr":
            self.row = None
        if tag == "data":
            self.where = None

    def handle_data(self, data):
        if self.row is not None and self.where:
            value, shown = self.row[self.where]
            self.row[self.where] = (value, shown + data)

text = open(sys.argv[1], encoding="utf-8").read()
page = Page()
page.feed(text)
page.close()
assert not page.open, page.open
assert text.startswith("<!DOCTYPE html>")
assert len(page.ids) == len(set(page.ids)), "an id twice"
assert set(page.targets) <= set(page.ids), set(page.targets) - set(page.ids)
assert page.headings[0] == 1 and page.headings.count(1) == 1, page.headings
assert all(b <= a + 1 for a, b in zip(page.headings, page.headings[1:])), page.headings
assert not re.search(r"@import|url\(", text)
assert len(page.pictures) == int(sys.argv[3]), page.pictures
assert len(set(page.pictures)) == len(page.pictures)
for picture in page.pictures:
    assert re.search(r": \d+ estimates with intervals, from \S+ to \S+", picture), picture

findings = [json.loads(line, parse_float=str, parse_int=str) for line in open(sys.argv[2])]
names = ("estimate", "lo", "hi", "exact")
wanted = {tuple(f[name] for name in names) for f in findings}
got = {tuple(row[name][0] if name in row else None for name in names) for row in page.rows}
assert got == wanted, (list(got - wanted)[:3], list(wanted - got)[:3])
for row in page.rows:  # what people read is the number, rounded; ends outwards
    for name, (value, shown) in row.items():
        x, y = float(value), float(shown)
        assert abs(x - y) <= 0.02 * abs(x) + 0.11 * abs(float(row.get("hi", row["estimate"])[0])
            - float(row.get("lo", row["estimate"])[0])) + 1e-15, (name, value, shown)
    if "lo" in row:
        assert float(row["lo"][1]) <= float(row["lo"][0]), row
        assert float(row["hi"][1]) >= float(row["hi"][0]), row
assert text.count('class="holds">holds') + text.count('class="fails">fails') > 10
END

cat > markdown.py <<'END'
"""markdown.py HTML MARKDOWN -- both say the same of each finding."""
import html, re, sys
page, text = (open(name, encoding="utf-8").read() for name in sys.argv[1:])
plain = lambda s: html.unescape(re.sub("<[^>]*>", "", s)).replace("\\", "")
theirs = {tuple(plain(c) for c in re.findall(r'data-l="(?:estimate|interval)">(.*?)</td>', row))
          for row in re.findall("<tr[^>]*data-finding.*?</tr>", page, re.S)}
ours = set()
for line in text.split("\n"):
    cell = [c.strip().replace("\\", "") for c in re.split(r"(?<!\\)\|", line)[1:-1]]
    if len(cell) == 7 and re.match(r"[-0-9]", cell[2]) and not set(cell[2]) <= set("-: "):
        ours.add((cell[2], cell[3] or "none"))
assert len(theirs) > 10 and ours == theirs, (list(ours - theirs)[:3], list(theirs - ours)[:3])
END

if [ -n "$python" ]; then
  check 'HTML: structure and numbers' "$python" page.py page.html findings "$([ -n "$gnuplot" ] && echo 3 || echo 0)"
  check 'HTML without gnuplot' "$python" page.py plain.html plain 0
  check 'Markdown: the numbers of HTML' "$python" markdown.py page.html page.md
else
  echo 'report: skipped: no python3 to read the pages'
fi

# ---- Chromium: a phone 360 wide, light and dark, and what it asks of a network

chromium=$(command -v chromium) || chromium=$(command -v chromium-browser) || chromium=
if [ -z "$chromium" ]; then
  echo 'report: skipped: no Chromium to look at pages (Debian: chromium)'
else
  cat > look.html <<'END'
<!DOCTYPE html><html lang="en"><body><iframe id="f" src="page.html" style="border:0"></iframe>
<img alt="" src="http://control.invalid/"><script>
const channel = c => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; };
const light = c => { const [r, g, b] = c.match(/[0-9.]+/g).map(Number);
                     return .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b); };
const contrast = (a, b) => { const x = light(a), y = light(b);
                             return (Math.max(x, y) + .05) / (Math.min(x, y) + .05); };
onload = () => {
  const f = document.getElementById("f"), d = f.contentDocument, out = [];
  const say = (name, value) => out.push(name + "=" + value);
  const style = e => f.contentWindow.getComputedStyle(e);
  const ground = e => { for (; e; e = e.parentElement) { const c = style(e).backgroundColor;
                        if (!/, 0\)$|transparent/.test(c)) return c; } return "rgb(255,255,255)"; };
  for (const e of d.querySelectorAll("details")) e.open = true;
  for (const width of [320, 360, 768, 1280]) {
    f.style.width = width + "px";
    f.style.height = "800px";
    const wide = d.documentElement.scrollWidth;
    let worst = "";
    for (const e of d.querySelectorAll("main *"))
      if (!worst && !e.closest("svg") && e.getBoundingClientRect().right > width + 1
          && style(e).position != "absolute")
        worst = e.tagName + "." + e.className + "@" + e.getBoundingClientRect().right;
    say("over" + width, wide > width || worst ? wide + worst : "no");
  }
  f.style.width = "360px";
  say("ground", light(ground(d.body)) < .2 ? "dark" : "light");
  let least = 21, who = "";
  for (const e of d.querySelectorAll("main *")) {
    if (e.closest("svg") || !e.textContent.trim()) continue;
    const c = contrast(style(e).color, ground(e));
    if (c < least) { least = c; who = e.tagName + "." + e.className; }
  }
  say("text", least >= 4.5 ? "legible" : least + who);
  let ink = 21, what = "", marks = 0;
  for (const e of d.querySelectorAll("svg text, svg path, svg use")) {
    if (e.closest("defs")) continue;
    const s = style(e), card = ground(e.closest("figure"));
    for (const c of [e.tagName == "text" ? s.fill : e.tagName == "use" ? s.color : s.stroke]) {
      if (c == "none" || s.opacity < 1 || contrast(c, card) < 1.01) continue;
      marks++;
      if (contrast(c, card) < ink) { ink = contrast(c, card); what = e.tagName + c; }
    }
  }
  say("ink", marks > 50 && ink >= 3 ? "legible" : marks + "," + ink + what);
  let small = 99;
  for (const e of d.querySelectorAll("svg text"))
    if (e.textContent.trim() && !e.closest("[transform*=rotate]"))
      small = Math.min(small, e.getBoundingClientRect().height);
  say("letters", small >= 9 ? "legible" : small);
  say("pictures", [...d.querySelectorAll("svg[role=img]")].filter(e =>
      e.getAttribute("aria-label").length > 60 && e.getBoundingClientRect().width > 200).length);
  say("fetched", f.contentWindow.performance.getEntriesByType("resource").length);
  say("scripts", d.scripts.length);
  document.body.textContent = out.join(" ");
};
</script></body></html>
END
  for scheme in dark light; do
    setting=$([ $scheme = dark ] && echo 0 || echo 1)
    timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
      --disable-background-networking --disable-component-update --disable-sync \
      --user-data-dir="$work/profile-$scheme" --allow-file-access-from-files \
      --log-net-log="$work/net-$scheme" --host-resolver-rules='MAP * ~NOTFOUND' --blink-settings=preferredColorScheme="$setting" \
      --virtual-time-budget=20000 --dump-dom "file://$work/look.html" > dom 2> err
    check "$scheme: Chromium runs: $(tail -n 1 err)" test $? -eq 0
    for width in 320 360 768 1280; do
      check "$scheme: nothing runs over the edge at $width px: $(cat dom)" holds dom "over$width=no"
    done
    check "$scheme: it is" holds dom "ground=$scheme"
    check "$scheme: text stands out: $(cat dom)" holds dom 'text=legible'
    if [ -n "$gnuplot" ]; then
      check "$scheme: so do the marks of pictures: $(cat dom)" holds dom 'ink=legible'
      check "$scheme: letters in pictures: $(cat dom)" holds dom 'letters=legible'
      check "$scheme: pictures are told in words: $(cat dom)" holds dom 'pictures=3'
    fi
    check "$scheme: nothing is fetched, nothing runs: $(cat dom)" holds dom 'fetched=0 scripts=0'
    # The browser asks its maker of its own accord; look.html asks once, to show that this is seen.
    grep -oE '"url":"(https?|wss?|ftp)://[^/"]*' "net-$scheme" \
      | grep -vE '[.](google|googleapis|gstatic)[.]com$' | sort -u > asked
    check "$scheme: no address of a network is asked for: $(cat asked)" \
      test "$(cat asked)" = '"url":"http://control.invalid'
  done
fi

echo "report: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
