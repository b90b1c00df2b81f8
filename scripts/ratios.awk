# Reads what `directions evaluate --direction NAME@v1,…,NAME` prints of plain and refined directions, and tells for each attribute, as the
# first classifier and as the one that took no part sees it:
#   where one half of the faces gets the attribute, refined over plain: off-target change face by face, and shift of the means;
#   shares of the faces that get it at each strength, plain and refined, in percent.
function attribute(label) { sub(/@.*/, "", label); return label }
/^[a-z_]+@v[0-9]/ {
    name = attribute($1); kind = $1 ~ /@v1$/ ? "plain" : "refined"; judge = "own"
    if (!(name in known)) { known[name] = 1; order[++names] = name }
}
/^  as .* sees it/ { judge = "judge"; other = $2 }
# Columns: what it is called, sigma, target change and its interval, off-target change and its interval, mean shift, success in percent.
/\[.*\].*\[.*%/ && !/one half/ && !/^direction / {
    rest = $0
    sub(/^.*\] +/, "", rest)
    split(rest, part, / +/)
    line = $0
    sub(/^(  as [a-z]+ sees it|[a-z_]+@v[0-9]+( held)?) */, "", line)
    strength = line + 0
    if (!(strength in strengths)) { strengths[strength] = 1; level[++levels] = strength }
    success[name, kind, judge, strength] = part[2]
}
/one half at/ {
    line = $0
    sub(/^.*change there +/, "", line); change[name, kind, judge] = line + 0
    sub(/^.*mean shift +/, "", line); shift[name, kind, judge] = line + 0
    match($0, /at [0-9.]+ sigma/); at[name, kind, judge] = substr($0, RSTART + 3, RLENGTH - 9)
}
END {
    split("own judge", judges, " ")
    for (j = 1; j <= 2; j++) {
        judge = judges[j]
        printf "%s%s\n", j == 1 ? "as the classifier that scores sees it" : "\nas " other ", which took no part, sees it", ":"
        printf "%-12s  %s  %s  %s", "", "half at sigma", "off-target", "mean shift"
        for (l = 1; l <= levels; l++) printf "  %11s", sprintf("at %g", level[l])
        print ""
        n = changes = shifts = 0
        for (i = 1; i <= names; i++) {
            name = order[i]
            if ((name, "plain", judge) in change && (name, "refined", judge) in change) {
                c = change[name, "refined", judge] / change[name, "plain", judge]
                s = shift[name, "refined", judge] / shift[name, "plain", judge]
                printf "%-12s  %5s, %5s  %10.2f  %10.2f", name, at[name, "plain", judge], at[name, "refined", judge], c, s
                n++; changes += c; shifts += s
            } else {
                plain = (name, "plain", judge) in at ? at[name, "plain", judge] : "never"
                refined = (name, "refined", judge) in at ? at[name, "refined", judge] : "never"
                printf "%-12s  %5s, %5s  %10s  %10s", name, plain, refined, "", ""
            }
            for (l = 1; l <= levels; l++)
                printf "  %5.1f, %4.1f", success[name, "plain", judge, level[l]], success[name, "refined", judge, level[l]]
            print ""
        }
        if (n) printf "%-12s  %12s  %10.2f  %10.2f\n", "mean of " n, "", changes / n, shifts / n
    }
}
