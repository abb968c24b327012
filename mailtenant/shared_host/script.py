"""The small programs that run on the shared host, as constants: what varies comes as arguments and by stdin.

Each takes the lock of the `move` folder, so that migrations of several customers do not lose each other's lines; each
file is written beside, synced and renamed, so that a crash leaves the old or the new one.
"""

from typing import Final

HELD: Final = "mail is held while the customer moves to a new host"
"""Stands in the queue as the reason of held mail, and tells it from mail that waits for something else."""

PROTOCOLS: Final = ("imap", "pop3", "sieve")
"""Ways into a mailbox, by Dovecot's names."""
_PROTOCOLS: Final = " ".join(PROTOCOLS)

_EDIT: Final = r"""
set -eu
umask 022
mkdir -p "$1" && cd "$1"
lock() {
    exec 9>.lock
    flock -w 60 9 || { echo "another change has held the lock for a minute" >&2; exit 75; }
}
lock
mkdir -p denied
for file in transport access accepted aliases senders users copy-password.conf; do : >>"$file"; done

# edit FILE KEY [LINE]: without the lines whose first word is KEY, and with LINE.
edit() {
    KEY=$2 awk '$1 != ENVIRON["KEY"]' "$1" >".$1.new"
    [ -z "${3:-}" ] || printf '%s\n' "$3" >>".$1.new"
    sync ".$1.new"
    mv -f ".$1.new" "$1"
}
"""

STATE: Final = (
    _EDIT
    + rf"""
# MOVE STATE HOST DOMAIN…   STATE: frozen, relayed, open
# Reading is denied by a link to itself, which Dovecot cannot open: "temporarily unavailable". Not so sending: Postfix
# calls every failed login wrong for good (535), so the login passes there and every recipient is answered 450.
protocols="{_PROTOCOLS}"
deny() {{
    for protocol in $protocols; do
        mkdir -p "denied/$protocol"
        [ -L "denied/$protocol/$1" ] || ln -s "$1" "denied/$protocol/$1"
    done
    edit senders "$theirs" "$theirs $LATER"
}}
LATER="450 4.3.2 mailboxes are being moved, please try again in some minutes"
state=$2 host=$3
shift 3
for domain; do
    theirs="/@$(printf %s "$domain" | sed 's/[.]/[.]/g')\$/"
    whole="/^(.*@$(printf %s "$domain" | sed 's/[.]/[.]/g'))\$/"
    case $state in
    frozen)
        deny "$domain"
        edit access "$domain" "$domain $LATER"
        edit transport "$domain" "$domain retry:4.3.2 {HELD}"
        edit accepted "@$domain"
        edit aliases "$whole"
        ;;
    relayed)
        # From here on the new host alone says which addresses exist and where they lead.
        deny "$domain"
        edit accepted "@$domain" "@$domain x"
        edit aliases "$whole" "$whole \$1"
        edit transport "$domain" "$domain relay:[$host]"
        edit access "$domain" "$domain reject_unverified_recipient"
        ;;
    open)
        edit transport "$domain"
        edit aliases "$whole"
        edit accepted "@$domain"
        edit access "$domain"
        for protocol in $protocols; do rm -f "denied/$protocol/$domain"; done
        edit senders "$theirs"
        ;;
    esac
done
# Always: a crash may have come between the files and this.
postfix reload 2>/dev/null || {{ echo "postfix reload failed: is Postfix running?" >&2; exit 75; }}
doveadm auth cache flush >/dev/null
# After the denial, so that nobody comes back. Not zero where nobody is logged in.
[ "$state" = open ] || for domain; do doveadm kick "*@$domain" >/dev/null 2>&1 || true; done
"""
)

REPORT: Final = """
# MASK…   what goes on: the queue, then Dovecot's connections of the users that match.
postqueue -j
for mask; do doveadm -f tab who -1 "$mask" | tail -n +2; done
"""

SIZES: Final = """
# Users by stdin   one line each: all their mail in octets, as IMAP counts them (vsize), and the user
while read -r user; do
    size=$(doveadm -f tab mailbox status -t -u "$user" vsize "*" </dev/null | tail -n 1)
    printf '%s\\t%s\\n' "$size" "$user"
done
"""

FLUSH: Final = """
# The ids by stdin: these messages are tried at once, no others.
while read -r id; do postqueue -i "$id" || true; done
"""

_SHUT: Final = """
# shut MARK: the copy instance forgets whom an opening with this mark told it.
shut() {
    MARK=$1 awk -F: '$5 != ENVIRON["MARK"]' users >.users.new
    sync .users.new
    mv -f .users.new users
}
"""

ACCESS: Final = (
    _EDIT
    + _SHUT
    + r"""
# MOVE COPY_CONFIG DOMAIN… -- ADDRESS…   the users of these domains whom the copy instance knows, until the input ends
# By stdin a password and a mark of this opening. The password becomes the instance's own while nobody else's copy runs,
# else the present one stays. Said: whether logins of all these domains are denied, and the password that holds.
# Whatever ends who asked ends the input too; a later opening is another one's, and stays.
config=$2 state=frozen
shift 2
read -r password mark
cp users .users.new
while [ "$1" != -- ]; do
    DOMAIN=$1 awk -F: '{ n = split($1, part, "@"); if (part[n] != ENVIRON["DOMAIN"]) print }' .users.new >.users.others
    mv -f .users.others .users.new
    [ -L "denied/imap/$1" ] || state=open
    shift
done
shift
if [ ! -s copy-password.conf ] || [ ! -s .users.new ]; then
    (umask 077; printf 'doveadm_password = "%s"\n' "$password" >.copy-password.new)
    mv -f .copy-password.new copy-password.conf
    # Without the lock: nobody waits for it if this hangs.
    doveadm -c "$config" reload 9>&-
fi
for address; do printf '%s::::%s:::\n' "$address" "$mark" >>.users.new; done
sync .users.new
mv -f .users.new users
printf '%s ' "$state"
sed 's/^doveadm_password = "\(.*\)"$/\1/' copy-password.conf
exec 9>&-
read -r end || true
lock
shut "$mark"
"""
)

CLOSE: Final = (
    _EDIT
    + _SHUT
    + r"""
# MOVE MARK   the same end, where the one that opened did not come to it
shut "$2"
"""
)

REPLACE: Final = """
# MOVE FILE SHA256 NEW_SHA256   the new text by stdin; 76: the file is no longer the one that was read
set -eu
umask 077
mkdir -p "$1"
exec 9>"$1/.lock"
flock -w 60 9 || { echo "another change has held the lock for a minute" >&2; exit 75; }
file=$(readlink -f -- "$2")
sum() { sha256sum <"$1" | cut -d" " -f1; }
[ "$(sum "$file")" = "$3" ] || exit 76
new=$(dirname -- "$file")/.$(basename -- "$file").new
cp -p -- "$file" "$new"
cat >"$new"
# A connection that was cut off ends the input early.
[ "$(sum "$new")" = "$4" ] || { rm -f -- "$new"; echo "the new text did not come whole" >&2; exit 75; }
sync "$new"
mv -f -- "$new" "$file"
"""

APPLY: Final = """
# USER   tables are read when Postfix reloads; Dovecot forgets the user, and ends its sessions
set -eu
postfix reload 2>/dev/null || { echo "postfix reload failed: is Postfix running?" >&2; exit 75; }
doveadm auth cache flush "$1" >/dev/null
doveadm kick "$1" >/dev/null 2>&1 || true
"""

DELETE_MAIL: Final = """
# USER   its folder with all its mail, where Dovecot says it is; there is no undo
set -eu
home=$(doveadm user -f home "$1")
case $home in /*/*/*) ;; *) echo "not a mailbox's folder: $home" >&2; exit 78 ;; esac
doveadm kick "$1" >/dev/null 2>&1 || true
rm -rf --one-file-system -- "$home"
"""
