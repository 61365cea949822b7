#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md says, in the lab; the words are those of ../run-lib.sh.
# shellcheck source-path=SCRIPTDIR source=../run-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../run-lib.sh"

node client outside=203.0.113.100/24,203.0.113.101/24
node lb outside=203.0.113.1/24,203.0.113.25/32 inside=10.0.0.1/24
for i in 1 2; do node mail$i inside=10.0.0.2$i/24 via 10.0.0.1; done
on lb sysctl -qw net.ipv4.ip_forward=1

serve smtp:25,smtp:587,imaps:993 mail1 mail2
kill -USR1 "$(server_pid mail2)" # from now on it says on port 25 that it is busy
start lb
await lb backend/mx/mail1 up
await lb backend/mx/mail2 down
for backend in {submission,imap}/mail{1,2}; do await lb "backend/$backend" up; done
show lb lbctl check list

# mail COUNT URL CLIENT [OPTION of curl]...: the server greets with its name
mail() {
    got=$(for ((i = 0; i < $1; i++)); do
        on client curl -svk -m 20 --interface "$3" "${@:4}" "$2" 2>&1 </dev/null | grep -om1 'mail[12] saw .*'
    done)
    counted "client\$ curl --interface $3 $2" "$1"
}
# stays CLIENT PORT: a connection that stays open, as those of people do. A connection that has ended counts for some
# seconds only, and by then the next client is nobody's second.
stays() {
    on client sh -c "sleep 600 | exec curl -s --interface $1 telnet://203.0.113.25:$2" >/dev/null 2>&1 &
    disown
    until on client ss -Htn state established src "$1" dst 203.0.113.25 dport "$2" | grep -q .; do
        ((SECONDS < 4 * patience)) || stop "$1 gets no connection to port $2"
        sleep 0.2
    done
}
post() { mail "$1" "$2" "$3" --mail-from me@example.com --mail-rcpt you@example.com -T - "${@:4}"; }

say "mail2 greets with 421: its port is open, and nobody gets there"
on lb lbctl check run mx/mail2 | sed 's/^/  /'
forget
post 3 smtp://203.0.113.25:25 203.0.113.100
is "mail went to" mail1 "$(seen node)"
is "which saw the client" 203.0.113.100 "$(seen peer)"

say "People stay with the server that they have"
forget
for client in 203.0.113.100 203.0.113.101; do
    stays $client 587
    stays $client 993
    post 2 smtp://203.0.113.25:587 $client --ssl-reqd
    is "submission of $client: servers" 1 "$(cut -d' ' -f1 <<<"$got" | sort -u | wc -l)"
    mail 2 imaps://203.0.113.25:993/ $client -u me:secret
    is "IMAP of $client: servers" 1 "$(cut -d' ' -f1 <<<"$got" | sort -u | wc -l)"
done
is "both servers have people" "mail1 mail2" "$(seen node)"
show lb lbctl conn list --service imap
finish
