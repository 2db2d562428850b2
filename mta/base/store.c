/* store.c - the door to the disk: calls passed on to who implements. */
#include "base/store.h"

store_handle
store_append(struct store *store, struct slice record)
{
    return store->door->append(store, record);
}

struct slice
store_view(struct store *store, store_handle handle)
{
    return store->door->view(store, handle);
}

void
store_update(struct store *store, store_handle handle, size_t offset, struct slice bytes)
{
    store->door->update(store, handle, offset, bytes);
}

void
store_remove(struct store *store, store_handle handle)
{
    store->door->remove(store, handle);
}

void
store_sync(struct store *store, synced_fn *fn, void *arg)
{
    store->door->sync(store, fn, arg);
}

void
store_scan(struct store *store, scan_fn *fn, void *arg)
{
    store->door->scan(store, fn, arg);
}

void
store_free(struct store **store)
{
    struct store *freed = *store;

    *store = NULL;
    if (freed != NULL)
        freed->door->free(freed);
}
