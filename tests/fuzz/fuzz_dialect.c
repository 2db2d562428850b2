/* fuzz_dialect.c - any text is a template or gets one complaint; what it renders has its bounds. */
#include "fakeisp/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char foreign[] = "a\r\nb\"<&>\\ \xFF\xC3\xBC \x01";

static void
check(const struct dialect *dialect, uint32_t conditions)
{
    struct dialect_values values = {.conditions = conditions};
    struct text letter = {0};

    for (int i = 0; i < DIALECT_SLOTS_COUNT; i++)
        values.slots[i] = slice_of(foreign);
    values.slots[VALUE_HEADER] = values.slots[VALUE_HEADER_REDACTED] = SLICE("A: b\r\n c\r\n");
    dialect_render(dialect, &values, &letter);
    /* A value is six times as long in HTML, three times in quoted-printable, six in ISO-2022-JP. */
    assert(letter.length <= dialect->ops_count * sizeof foreign * 200 + DIALECT_BYTES_MAX * 8);
    text_release(&letter);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct dialect dialect;
    struct error err = {0};

    if (dialect_read(&dialect, "f.txt", (struct slice){(const char *)data, size}, &arena, &err)) {
        check(&dialect, 0);
        check(&dialect, IF_FAILED | IF_UNKNOWN);
        check(&dialect, UINT32_MAX);
    } else {
        assert(err.kind == ERROR_CONFIG);
        assert(err.text[0] != '\0');
    }
    arena_release(&arena);
    return 0;
}
