"""Detects lines of programs and commands: they name passwords often, and hold one only where a
value is written out."""

from oneseek.engine.core.collecting.secrets.values import is_strong

MARKS = (
    "read -", "-p \"", "):", "!=", "==", "()", "();", "=>", "</", "/>", "<input", "return ", "def ", "const ", "import ",
    "function ", "getenv", "environ", "process.env", "getpass", "input(", "null;", "${", "select ",
    " where ", "await ", "raise ", "elif ", "println", "console.", "printf", "if not ", "exit(", "len(", "print(", "fn ", "let ",
)  # fmt: skip
MYSQL = ("mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump")
QUOTES = "\"'`"


def is_code(line):
    """Whether a folded line belongs to a program."""
    marks = sum([mark in line for mark in MARKS])
    return marks > 1 or (marks == 1 and any([sign in line for sign in "(=<{;"]))


def without_code(text, low):
    """Return a text and its folded form without program lines that write out no value."""
    if not is_code(low.replace("\n", " ")):
        return text, low
    lines = text.split("\n")
    kept = [i for i, line in enumerate(low.split("\n")) if not is_code(line) or writes(lines[i])]
    if len(kept) == len(lines):
        return text, low
    folded = low.split("\n")
    return "\n".join([lines[i] for i in kept]), "\n".join([folded[i] for i in kept])


def writes(line):
    """Whether something between quotes or tags may be a password or a key, not a field's name."""
    for quote in QUOTES:
        parts = line.split(quote)
        if any([_is_written(parts[i]) for i in range(1, len(parts) - 1, 2)]):
            return True
    return any([_is_written(part.rpartition(">")[2]) for part in line.split("</")[:-1]])


def _is_written(value):
    return is_strong(value) and " " not in value and value[0] not in "/.$%{<"


def command_with_password(words):
    """Whether a command is given a password: mysql -u root -pHunter2, redis-cli -a hunter2."""
    for i, word in enumerate(words):
        name = word.strip("`").rpartition("/")[2]
        for at in range(i + 1, min(i + 9, len(words))):
            option, following = words[at], "".join(words[at + 1 : at + 2])
            joined = option[:2] == "-p" and name in MYSQL and len(option) > 5
            apart = (name == "redis-cli" and option == "-a") or (
                name == "sshpass" and option == "-p"
            )
            value = option[2:] if joined else following if apart else ""
            if len(value.strip(QUOTES)) > 3 and value.strip(QUOTES)[0] not in "$<{*":
                return True
    return False
