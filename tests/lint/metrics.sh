#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# metrics.sh LBD: the names in the table of metrics follow Prometheus' rules, alert rules and dashboard use only names of
# the table. Where promtool is installed, it looks at the rules, too, and at what they say of a pair.

# shellcheck source-path=SCRIPTDIR source=lib.sh
lbd=${1:?usage: metrics.sh LBD}
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

table=$("$lbd" --print=metrics) || lint_say "lbd --print=metrics failed"
found=$(awk -F '\t' '
    function complain(why) { print $1 ": " why }
    $1 !~ /^lbd_[a-z][a-z0-9_]*$/ { complain("is no name") }
    $2 == "counter" && $1 !~ /_total$/ { complain("is a counter and does not end in _total") }
    $2 != "counter" && $1 ~ /_total$/ { complain("ends in _total and is no counter") }
    $1 ~ /_(bucket|sum|count)$/ { complain("ends as a part of a histogram does") }
    $3 ~ /(^|, )(type|instance|job|le)(,|$)/ { complain("has a label that Prometheus owns: " $3) }
    $4 !~ /\.$/ || NF != 4 { complain("its help is no sentence") }
    seen[$1]++ { complain("stands there twice") }' <<<"$table")
[[ -z $found ]] || lint_say "$found"

known=$(awk -F '\t' '{ print $1; if ($2 == "histogram") print $1 "_bucket\n" $1 "_sum\n" $1 "_count" }' <<<"$table" | sort)
for file in packaging/prometheus/*.yml packaging/grafana/*.json; do
    used=$(grep -oE '\blbd_[a-z0-9_]+' "$file" | sort -u)
    [[ -n $used ]] || lint_say "$file: names no metric"
    unknown=$(comm -23 <(printf '%s\n' "$used") <(printf '%s\n' "$known"))
    [[ -z $unknown ]] || lint_say "$file: not in the table of metrics: ${unknown//$'\n'/ }"
done
python3 -m json.tool packaging/grafana/lbd.json >/dev/null || lint_say "packaging/grafana/lbd.json: no JSON"
# The dashboard asks in steps of $__interval. However often is scraped, a configuration is marked at the one step after it.
changes_are_seen() {
    local file expr scrape at
    file=$(mktemp) || return 1
    expr=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["annotations"]["list"][0]["expr"])' <packaging/grafana/lbd.json)
    expr=${expr//\$__interval/60s} expr=${expr//\$instance/.*}
    {
        echo "tests:"
        for scrape in 15 60; do
            echo "  - interval: ${scrape}s"
            echo "    input_series: [{ series: 'lbd_config_generation{instance=\"a\"}', values: '1x3 2x40' }]"
            echo "    promql_expr_test:"
            for at in 55 115 175 235 295 355; do
                echo "      - expr: '$expr'"
                echo "        eval_time: ${at}s"
                ((at - 4 * scrape < 0 || at - 4 * scrape >= 60)) ||
                    echo "        exp_samples: [{ labels: 'lbd_config_generation{instance=\"a\"}', value: 2 }]"
            done
        done
    } >"$file"
    promtool test rules "$file"
    local status=$?
    rm -f "$file"
    return "$status"
}

if command -v promtool >/dev/null; then
    said=$(promtool check rules packaging/prometheus/lbd.rules.yml 2>&1) || lint_say "$said"
    said=$(promtool test rules tests/lint/lbd.rules.test.yml 2>&1) || lint_say "$said"
    said=$(changes_are_seen 2>&1) || lint_say "$said"
fi
lint_end
