"""What is measured once and kept: how quick a device is, and what was chosen by it."""


async def measured_once(store, key, measure):
    """What `measure()` came to when the store was first asked for this key."""
    known = await store.get("state", key)
    if known is None:
        known = await measure()
        await store.batch([["put", "state", key, known]], [])
    return known
