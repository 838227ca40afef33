"""Named places where the process may die or an error may strike; empty unless a test plants one."""

plant = None


def fault(name):
    if plant:
        plant(name)
