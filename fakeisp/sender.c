/* sender.c - who a provider counts by, and what it remembers of each. */
#include "fakeisp/sender.h"

/* ---- keys ---- */

static void
add_to_key(struct sender_key *key, const void *bytes, size_t length)
{
    assert(key->length + length <= sizeof key->bytes);
    memcpy(key->bytes + key->length, bytes, length);
    key->length += length;
}

static void
add_network(struct sender_key *key, const struct net_address *source)
{
    add_to_key(key, &source->family, 1);
    add_to_key(key, source->bytes, source->family == 4 ? 3 : 8);
}

static void
add_domain(struct sender_key *key, struct slice domain)
{
    if (domain.length > ADDRESS_DOMAIN_MAX)
        domain.length = ADDRESS_DOMAIN_MAX;
    for (size_t i = 0; i < domain.length; i++) {
        char c = char_lower(domain.at[i]);

        add_to_key(key, &c, 1);
    }
}

/* What comes first has a fixed length or an end, so that no two keys are alike by chance. */
struct sender_key
sender_key(uint32_t per, const struct isp_sender *sender)
{
    uint32_t host = (uint32_t)sender->host;
    struct sender_key key = {.length = 0};

    if (per & LIMIT_PER_HOST)
        add_to_key(&key, &host, sizeof host);
    if (per & LIMIT_PER_SOURCE_IP) {
        add_to_key(&key, &sender->source.family, 1);
        add_to_key(&key, sender->source.bytes, sender->source.family == 4 ? 4 : 16);
    }
    if (per & LIMIT_PER_IP_24)
        add_network(&key, &sender->source);
    if (per & LIMIT_PER_SENDER_DOMAIN)
        add_domain(&key, sender->domain);
    if (per & LIMIT_PER_DKIM_DOMAIN) {
        add_to_key(&key, "", 1);
        add_domain(&key, sender->dkim_domain);
    }
    return key;
}

/* ---- memory ---- */

void *
senders_nth(const struct senders *senders, uint32_t number)
{
    assert(number < senders->keys.count);
    return senders->values + number * senders->size;
}

void *
senders_find(const struct senders *senders, const struct sender_key *key)
{
    uint32_t number;

    if (!map_find(&senders->keys, (struct slice){key->bytes, key->length}, &number))
        return NULL;
    return senders_nth(senders, number);
}

static void *
put(struct senders *senders, struct slice key)
{
    bool is_new = false;
    uint32_t number = map_put(&senders->keys, key, &is_new);

    if (is_new) {
        senders->values = mem_grow(senders->values, &senders->capacity, number + 1, senders->size);
        memset(senders_nth(senders, number), 0, senders->size);
    }
    return senders_nth(senders, number);
}

static void
forget_idle(struct senders *senders, const struct senders_care *care)
{
    struct senders kept = {.size = senders->size, .max = senders->max, .misses = senders->misses};

    for (uint32_t i = 0; i < senders->keys.count; i++) {
        void *value = senders_nth(senders, i);

        if (care->is_idle(value, care->arg))
            care->release(value);
        else
            memcpy(put(&kept, map_key(&senders->keys, i)), value, senders->size);
    }
    map_release(&senders->keys);
    mem_free(senders->values);
    *senders = kept;
}

/* Looking for idle ones takes a while, so it is done once in so many newcomers. */
void *
senders_at(struct senders *senders, const struct sender_key *key, const struct senders_care *care)
{
    size_t max = senders->max > 0 ? senders->max : SENDERS_MAX;
    struct slice bytes = {key->bytes, key->length};
    void *value;

    if (senders->keys.count < max)
        return put(senders, bytes);
    value = senders_find(senders, key);
    if (value != NULL)
        return value;
    if (senders->misses == 0)
        forget_idle(senders, care);
    senders->misses = (senders->misses + 1) % (max / 8 + 1);
    if (senders->keys.count >= max)
        bytes.length = 0;
    return put(senders, bytes);
}

void
senders_release(struct senders *senders, const struct senders_care *care)
{
    for (uint32_t i = 0; i < senders->keys.count; i++)
        care->release(senders_nth(senders, i));
    map_release(&senders->keys);
    mem_free(senders->values);
    *senders = (struct senders){.size = senders->size, .max = senders->max};
}
