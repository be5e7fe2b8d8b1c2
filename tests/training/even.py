"""A verifier without imports, because every process that judges imports it anew."""


def even(completion: str, answer: str, row: dict) -> bool:
    """Right is what has an even sum."""
    return sum(map(ord, completion)) % 2 == 0
