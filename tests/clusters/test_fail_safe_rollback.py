"""Whatever is done under a fail-safe that is not completed leaves no trace, killed process or not."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from clusters.definitions.operational_credentials import (
    RemoveFabricRequest,
    SetVidVerificationStatementRequest,
)
from matter_node.crypto.keys import KeyPair
from matter_node.model import Context
from matter_node.status import StatusError
from matter_node.storage import MemoryStorage

_KEYS = tuple(KeyPair.generate() for _ in range(3))


def picture(node):
    """Return everything that a fabric leaves on a node, in memory and in storage."""
    anybody = node.administrator_of(0)
    node.sessions.close(anybody.session)
    stored = {
        key: value
        for key, value in node.storage.scan("")
        if not key.startswith("event/") and key != "fabrics/last-index"
    }
    return {
        "fabrics": tuple(node.fabrics),
        "roots": node.credentials.read_trusted_root_certificates(anybody),
        "access": node.acl.acl,
        "decisions": node.decisions.entries,
        "key sets": {index: node.state.group_keys.ids(index) for index in range(255)},
        "breadcrumb": node.general.breadcrumb,
        # an empty list and one that was never written are the same list
        "stored": {key: value for key, value in stored.items() if value != b"\x16\x18"},
    }


class Commissionings(RuleBasedStateMachine):
    """An administrator and a commissioner do what comes to their mind; in the end nothing of it is left."""

    make_node = None
    make_authority = None
    node = None

    @initialize(commissioned=st.booleans())
    def start(self, commissioned):
        self.node = type(self).make_node()
        self.authorities = [type(self).make_authority(n + 1, key=key) for n, key in enumerate(_KEYS)]
        if commissioned:
            self.node.commission(self.authorities[0])
            for session in tuple(self.node.sessions.alive):
                self.node.sessions.close(session)
        self.before = picture(self.node)
        self.context = None

    @invariant()
    def a_kill_at_this_moment_leaves_nothing(self):
        if self.node is None:
            return
        disk = MemoryStorage()
        for key, value in self.node.storage.scan(""):
            disk.put(key, value)
        assert picture(type(self).make_node(disk)) == self.before

    def call(self, method, *arguments, **options):
        """Do something as the present peer; a refusal is as good as an answer."""
        try:
            return method(self.context, *arguments, **options)
        except StatusError:
            return None
        finally:
            self.context = Context(self.context.session.subject, self.context.session)

    @precondition(lambda self: self.context is None)
    @rule(over_case=st.booleans())
    def arrive(self, over_case):
        if over_case and len(self.node.fabrics):
            self.context = self.node.administrator_of(1)
            self.node.arm(self.context, 60, breadcrumb=3)
        else:
            self.context = self.node.commissioner()

    @precondition(lambda self: self.context is not None)
    @rule(for_update=st.booleans())
    def ask_for_a_key(self, for_update):
        self.call(self.node.csr, for_update=for_update)

    @precondition(lambda self: self.context is not None)
    @rule(which=st.integers(0, 2))
    def give_a_root(self, which):
        self.call(self.node.add_root, self.authorities[which].root)

    @precondition(lambda self: self.context is not None)
    @rule(which=st.integers(0, 2), node_id=st.integers(1, 3))
    def add(self, which, node_id):
        self.call(self.node.add_noc, self.noc(which, node_id))

    @precondition(lambda self: self.context is not None)
    @rule(which=st.integers(0, 2), node_id=st.integers(1, 3))
    def update(self, which, node_id):
        self.call(self.node.update_noc, self.noc(which, node_id))

    @precondition(lambda self: self.context is not None)
    @rule(which=st.integers(0, 2))
    def join(self, which):
        self.ask_for_a_key(False)
        self.give_a_root(which)
        self.add(which, 1)

    @precondition(lambda self: self.context is not None)
    @rule(node_id=st.integers(1, 3))
    def renew(self, node_id):
        self.ask_for_a_key(True)
        self.update(0, node_id)

    @precondition(lambda self: self.context is not None)
    @rule()
    def vouch_after_an_update(self):
        if self.node.fail_safe.pending.replaced is not None:
            request = SetVidVerificationStatementRequest(vendor_id=0xFFF2)
            self.call(self.node.credentials.handle_set_vid_verification_statement, request)
            assert self.node.fabrics.get(1).vendor_id == 0xFFF2

    @precondition(lambda self: self.context is not None)
    @rule(seconds=st.integers(1, 400), breadcrumb=st.integers(0, 9))
    def extend(self, seconds, breadcrumb):
        self.call(self.node.arm, seconds, breadcrumb=breadcrumb)

    @precondition(lambda self: self.context is not None)
    @rule()
    def remove_what_was_added(self):
        added = self.node.fail_safe.pending.added
        if added is not None:
            self.call(self.node.credentials.handle_remove_fabric, RemoveFabricRequest(fabric_index=added))
            self.end(self.node)

    @precondition(lambda self: self.context is not None)
    @rule(how=st.sampled_from(["time", "command", "hang up", "revoke"]))
    def give_up(self, how):
        if how == "command":
            context, session = self.context, self.context.session
            if session.subject.fabric_index == self.node.fail_safe.fabric_index:
                self.node.arm(context, 0)
                self.node.answered(context)
            else:
                self.node.clock.advance(901)
        elif how == "hang up":
            self.node.sessions.close(self.context.session)
            self.node.clock.advance(901)
        elif how == "revoke":
            self.node.fail_safe.expire()
        else:
            self.node.clock.advance(901)
        self.end(self.node)

    def end(self, node):
        node.clock.advance(901)
        assert picture(node) == self.before
        assert picture(node.restarted()) == self.before
        self.context = None
        for session in tuple(node.sessions.alive):
            node.sessions.close(session)

    def noc(self, which, node_id):
        key = self.node.fail_safe.pending.key or _KEYS[0]
        return self.authorities[which].noc(key.public_key, node_id=node_id)


def test_nothing_is_left_of_what_was_not_completed(make_node, make_authority):
    Commissionings.make_node = staticmethod(make_node)
    Commissionings.make_authority = staticmethod(make_authority)
    run = Commissionings.TestCase()
    run.settings = settings(max_examples=60, stateful_step_count=25, suppress_health_check=list(HealthCheck))
    run.runTest()
