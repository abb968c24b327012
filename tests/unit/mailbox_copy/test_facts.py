"""A second look at a mailbox costs what changed, and says what a look from nothing says."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from mailtenant.mailbox_copy.facts import SUBSCRIPTIONS, MailboxState, census, comparable, look, missing, term_of
from mailtenant.mailbox_copy.imap import Folder, Message, Reading


@dataclass
class Box:
    """A folder of the pretended server: UID → (modseq, message), and what was expunged when."""

    uidvalidity: int = 1
    uidnext: int = 1
    modseq: int = 1
    messages: dict[int, tuple[int, Message]] = field(default_factory=dict)
    gone: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Server:
    """Plays `Imap`, and counts what it had to tell."""

    boxes: dict[str, Box] = field(default_factory=lambda: {"INBOX": Box()})
    told: int = 0
    removed: int = 0

    def add(self, name: str) -> None:
        # A folder that is made anew has another UIDVALIDITY (RFC 3501 §2.3.1.1).
        box = self.boxes.setdefault(name, Box(1 + 1000 * self.removed))
        box.modseq += 1
        box.messages[box.uidnext] = (box.modseq, Message(box.uidnext, b"g%d" % box.uidnext, ()))
        box.uidnext += 1

    def flag(self, name: str, index: int, flag: bytes) -> None:
        box = self.boxes.get(name)
        if box and box.messages:
            uid = sorted(box.messages)[index % len(box.messages)]
            box.modseq += 1
            old = box.messages[uid][1]
            box.messages[uid] = (box.modseq, Message(uid, old.guid, tuple(sorted({*old.flags, flag}))))

    def expunge(self, name: str, index: int) -> None:
        box = self.boxes.get(name)
        if box and box.messages:
            uid = sorted(box.messages)[index % len(box.messages)]
            box.modseq += 1
            del box.messages[uid]
            box.gone.append((box.modseq, uid))

    def renumber(self, name: str) -> None:
        if box := self.boxes.get(name):
            fresh = Box(box.uidvalidity + 1)
            self.boxes[name] = fresh
            for _ in box.messages:
                self.add(name)

    def remove(self, name: str) -> None:
        if name != "INBOX" and self.boxes.pop(name, None):
            self.removed += 1

    # -- what `look` asks ----------------------------------------------------------------------------------------------

    def folders(self) -> list[Folder]:
        found = []
        for name, box in self.boxes.items():
            held = len(box.messages)
            numbers = (held, box.uidnext, box.uidvalidity, box.modseq, held)
            found.append(Folder(name.encode(), name, name == "INBOX", False, *numbers))
        return found

    def folders_without_sizes(self) -> list[Folder]:
        return [replace(folder, octets=0) for folder in self.folders()]

    def uids(self, names: Sequence[bytes]) -> list[frozenset[int]]:
        return [frozenset(self.boxes[name.decode()].messages) for name in names]

    def read(self, asked: Sequence[tuple[bytes, int]]) -> list[Reading]:
        found = []
        for name, since in asked:
            box = self.boxes[name.decode()]
            changed = tuple(message for modseq, message in box.messages.values() if modseq > since)
            gone = tuple(uid for modseq, uid in box.gone if modseq > since) if since else ()
            self.told += len(changed)
            found.append(Reading(len(box.messages), box.uidvalidity, box.modseq, gone, changed))
        return found


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(["INBOX", "A", "B"])),
        st.tuples(
            st.just("flag"), st.sampled_from(["INBOX", "A"]), st.integers(0, 9), st.sampled_from([b"\\seen", b"x"])
        ),
        st.tuples(st.just("expunge"), st.sampled_from(["INBOX", "A", "B"]), st.integers(0, 9)),
        st.tuples(st.just("renumber"), st.sampled_from(["A"])),
        st.tuples(st.just("remove"), st.sampled_from(["A", "B"])),
        st.tuples(st.just("look")),
    ),
    max_size=40,
)


@given(ACTIONS)
def test_what_is_brought_up_to_date_equals_a_look_from_nothing(actions: list[tuple[object, ...]]) -> None:
    server, state = Server(), MailboxState()
    for name, *arguments in [*actions, ("look",)]:
        if name != "look":
            getattr(server, str(name))(*arguments)
            continue
        assert look(server, state).folders == look(server, MailboxState()).folders  # type: ignore[arg-type]


def test_a_second_look_asks_only_for_what_changed() -> None:
    server, state = Server(), MailboxState()
    for _ in range(1000):
        server.add("INBOX")
    look(server, state)  # type: ignore[arg-type]
    server.told = 0
    look(server, state)  # type: ignore[arg-type]
    assert server.told == 0
    server.add("INBOX")
    server.flag("INBOX", 5, b"\\seen")
    server.expunge("INBOX", 7)
    look(server, state)  # type: ignore[arg-type]
    assert server.told == 2


@given(ACTIONS, ACTIONS)
def test_what_went_between_a_census_and_a_look_is_counted(
    earlier: list[tuple[object, ...]], later: list[tuple[object, ...]]
) -> None:
    """However much is known of the mailbox before, and however often it is looked at between."""
    server, state = Server(), MailboxState()
    for name, *arguments in earlier:
        look(server, state) if name == "look" else getattr(server, str(name))(*arguments)  # type: ignore[arg-type]
    before = {(path, uid) for path, box in server.boxes.items() for uid in box.messages}
    counted = census(server, state)  # type: ignore[arg-type]
    for name, *arguments in later:
        look(server, state) if name == "look" else getattr(server, str(name))(*arguments)  # type: ignore[arg-type]
    look(server, state)  # type: ignore[arg-type]
    gone = before - {(path, uid) for path, box in server.boxes.items() for uid in box.messages}
    assert missing(counted, state) == len(gone)


def test_a_census_reads_no_message_and_leaves_what_is_known_alone() -> None:
    server, state = Server(), MailboxState()
    for _ in range(3):
        server.add("A")
    assert census(server, state) == {"INBOX": set(), "A": {1, 2, 3}}  # type: ignore[arg-type]
    assert server.told == 0 and not state.folders
    look(server, state)  # type: ignore[arg-type]
    server.remove("A")
    look(server, state)  # type: ignore[arg-type]
    assert missing({"A": {1, 2, 3}}, state) == 3


def test_a_folder_whose_shortcut_does_not_add_up_is_read_whole() -> None:
    server, state = Server(), MailboxState()
    for _ in range(3):
        server.add("INBOX")
    look(server, state)  # type: ignore[arg-type]
    # Went without a word: the server forgot what it expunged.
    server.expunge("INBOX", 0)
    server.boxes["INBOX"].gone.clear()
    assert look(server, state).folders == look(server, MailboxState()).folders  # type: ignore[arg-type]


@given(st.integers(1, 99), st.binary(max_size=4), st.lists(st.sampled_from([b"a", b"b", b"ab"]), unique=True))
def test_no_two_messages_have_the_same_term(uid: int, guid: bytes, flags: list[bytes]) -> None:
    mine = Message(uid, guid, tuple(sorted(flags)))
    for other in (
        Message(uid + 1, guid, mine.flags),
        Message(uid, guid + b"1", mine.flags),
        Message(uid, guid, (*mine.flags, b"z")),
    ):
        assert term_of(mine) != term_of(other)


def test_an_empty_folder_that_a_server_makes_by_itself_is_no_difference() -> None:
    source, target = Server(), Server()
    seen = look(source, MailboxState())  # type: ignore[arg-type]
    target.boxes["Sent"] = Box()
    plain = look(target, MailboxState())  # type: ignore[arg-type]
    special = type(plain)(plain.folders, plain.subscribed | {"Sent"}, frozenset({"Sent"}))
    old, new = comparable(seen, special)
    assert old == new and SUBSCRIPTIONS in old
    assert comparable(seen, plain)[1].keys() - old.keys() == {"Sent"}
    target.add("Sent")
    filled = look(target, MailboxState())  # type: ignore[arg-type]
    assert "Sent" in comparable(seen, type(filled)(filled.folders, filled.subscribed, frozenset({"Sent"})))[1]
