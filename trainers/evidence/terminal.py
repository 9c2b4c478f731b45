"""What plans and verdicts are shown with at 80 columns; without scipy, for it comes first."""

from rich import box, console, table


def screen() -> console.Console:
    """The terminal."""
    return console.Console()


def table_of(*columns: str) -> table.Table:
    """A table for the terminal, the first column to the left; what is too long goes on below."""
    made = table.Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left", overflow="fold")
    return made
