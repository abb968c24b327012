"""Tasks on the embedded default."""

from tests.unit.tasks.task_cases import TaskCases


class TestTasks(TaskCases):
    pass
