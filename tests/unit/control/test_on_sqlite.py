"""All cases of the control plane on the embedded default."""

from tests.unit.control.alert_cases import AlertCases
from tests.unit.control.customer_cases import CustomerCases
from tests.unit.control.key_cases import KeyCases
from tests.unit.control.migration_cases import MigrationCases
from tests.unit.control.outbox_cases import OutboxCases
from tests.unit.control.proof_cases import ProofCases
from tests.unit.control.schema_cases import SchemaCases


class TestAlerts(AlertCases):
    pass


class TestCustomers(CustomerCases):
    pass


class TestKeys(KeyCases):
    pass


class TestMigrations(MigrationCases):
    pass


class TestOutbox(OutboxCases):
    pass


class TestProofs(ProofCases):
    pass


class TestSchema(SchemaCases):
    pass
