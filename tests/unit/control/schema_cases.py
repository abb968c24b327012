"""The schema: up from nothing, down to nothing, and equal to the models."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from mailtenant.control.database import alembic_config
from mailtenant.control.plane import ControlPlane
from mailtenant.control.tables import Base


class SchemaCases:
    def test_it_equals_the_models(self, plane: ControlPlane) -> None:
        with plane.database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []

    def test_down_to_nothing_and_up_again(self, plane: ControlPlane) -> None:
        writer = plane.database.engine.execution_options(writes=True)
        with writer.begin() as connection:
            command.downgrade(alembic_config(connection), "base")
        assert inspect(plane.database.engine).get_table_names() == ["alembic_version"]
        plane.database.upgrade()
        assert set(inspect(plane.database.engine).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
        self.test_it_equals_the_models(plane)

    def test_revisions_are_one_line(self, plane: ControlPlane) -> None:
        with plane.database.engine.connect() as connection:
            scripts = ScriptDirectory.from_config(alembic_config(connection))
        ids = [script.revision for script in scripts.walk_revisions()][::-1]
        assert ids == [f"{number:04}" for number in range(1, len(ids) + 1)]

    def test_an_upgrade_of_what_is_new_changes_nothing(self, plane: ControlPlane) -> None:
        for _ in range(2):
            plane.database.upgrade()
        self.test_it_equals_the_models(plane)
