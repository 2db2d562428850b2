/* stream_tls_random.c - a provider with one algorithm: a generator that asks base/rng.h.
 *
 * It has no state, so all of its kind are one; see provider-rand(7) for what is asked of it. */
#include "base/stream_tls_random.h"

#include <limits.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#define PROVIDER_NAME  "mtalab-random"
#define GENERATOR_NAME "MTALAB-RANDOM"

static struct rng *in_use;
static char nobody; /* what a generator's context points to: it has no state */

struct rng *
tls_random_use(struct rng *rng)
{
    struct rng *before = in_use;

    in_use = rng;
    return before;
}

static void *
generator_new(void *provider, void *parent, const OSSL_DISPATCH *parent_calls)
{
    return &nobody;
}

static void
generator_free(void *generator)
{
}

static int
generator_instantiate(void *generator, unsigned strength, int prediction_resistance,
    const unsigned char *personalisation, size_t length, const OSSL_PARAM params[])
{
    return 1;
}

static int
generator_uninstantiate(void *generator)
{
    return 1;
}

static int
generator_generate(void *generator, unsigned char *out, size_t length, unsigned strength,
    int prediction_resistance, const unsigned char *more, size_t more_length)
{
    assert(in_use != NULL);
    for (size_t done = 0; done < length;) {
        uint64_t drawn = rng_u64(in_use);
        size_t piece = length - done < sizeof drawn ? length - done : sizeof drawn;

        memcpy(out + done, &drawn, piece);
        done += piece;
    }
    return 1;
}

static int
generator_reseed(void *generator, int prediction_resistance, const unsigned char *entropy,
    size_t entropy_length, const unsigned char *more, size_t more_length)
{
    return 1;
}

static int
generator_enable_locking(void *generator)
{
    return 1;
}

static int
generator_lock(void *generator)
{
    return 1;
}

static void
generator_unlock(void *generator)
{
}

static const OSSL_PARAM *
generator_gettable_ctx_params(void *generator, void *provider)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_int(OSSL_RAND_PARAM_STATE, NULL),
        OSSL_PARAM_uint(OSSL_RAND_PARAM_STRENGTH, NULL),
        OSSL_PARAM_size_t(OSSL_RAND_PARAM_MAX_REQUEST, NULL),
        OSSL_PARAM_END,
    };

    return gettable;
}

static int
generator_get_ctx_params(void *generator, OSSL_PARAM params[])
{
    OSSL_PARAM *state = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);
    OSSL_PARAM *strength = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
    OSSL_PARAM *max_request = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);

    return (state == NULL || OSSL_PARAM_set_int(state, EVP_RAND_STATE_READY)) &&
        (strength == NULL || OSSL_PARAM_set_uint(strength, 256)) &&
        (max_request == NULL || OSSL_PARAM_set_size_t(max_request, INT_MAX));
}

/* clang-format off */
static const OSSL_DISPATCH generator_calls[] = {
    {OSSL_FUNC_RAND_NEWCTX, (void (*)(void))generator_new},
    {OSSL_FUNC_RAND_FREECTX, (void (*)(void))generator_free},
    {OSSL_FUNC_RAND_INSTANTIATE, (void (*)(void))generator_instantiate},
    {OSSL_FUNC_RAND_UNINSTANTIATE, (void (*)(void))generator_uninstantiate},
    {OSSL_FUNC_RAND_GENERATE, (void (*)(void))generator_generate},
    {OSSL_FUNC_RAND_RESEED, (void (*)(void))generator_reseed},
    {OSSL_FUNC_RAND_ENABLE_LOCKING, (void (*)(void))generator_enable_locking},
    {OSSL_FUNC_RAND_LOCK, (void (*)(void))generator_lock},
    {OSSL_FUNC_RAND_UNLOCK, (void (*)(void))generator_unlock},
    {OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, (void (*)(void))generator_gettable_ctx_params},
    {OSSL_FUNC_RAND_GET_CTX_PARAMS, (void (*)(void))generator_get_ctx_params},
    {0, NULL},
};
/* clang-format on */

static const OSSL_ALGORITHM *
provider_query(void *provider, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM generators[] = {
        {GENERATOR_NAME, "provider=" PROVIDER_NAME, generator_calls, "asks base/rng.h"},
        {NULL,           NULL,                      NULL,            NULL             },
    };

    *no_cache = 0;
    return operation == OSSL_OP_RAND ? generators : NULL;
}

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core, const OSSL_DISPATCH **ours,
    void **provider)
{
    static const OSSL_DISPATCH provider_calls[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))provider_query},
        {0,                                  NULL                          },
    };

    *provider = &nobody;
    *ours = provider_calls;
    return 1;
}

OSSL_PROVIDER *
tls_random_install(OSSL_LIB_CTX *context)
{
    OSSL_PROVIDER *provider;

    if (!OSSL_PROVIDER_add_builtin(context, PROVIDER_NAME, provider_init))
        return NULL;
    provider = OSSL_PROVIDER_load(context, PROVIDER_NAME);
    if (provider != NULL && !RAND_set_DRBG_type(context, GENERATOR_NAME, NULL, NULL, NULL)) {
        OSSL_PROVIDER_unload(provider);
        return NULL;
    }
    return provider;
}
