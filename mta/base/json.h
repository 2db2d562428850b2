/* json.h - writing JSON (RFC 8259): strings escaped byte by byte, commas in their places.
 *
 * Invalid UTF-8 becomes U+FFFD, so that the output always is JSON. */
#ifndef MTALAB_JSON_H
#define MTALAB_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

void json_string(struct text *out, struct slice s); /* with its quotes */

/* A writer that knows where commas go. Zero it with json_begin(). Depth up to 63. */
struct json {
    struct text *out;
    uint64_t has_item; /* one bit per depth */
    uint8_t depth;
    bool is_after_key;
    int indent; /* 0: all on one line */
};

struct json json_begin(struct text *out, int indent);
void json_open(struct json *json, char bracket);  /* '{' or '[' */
void json_close(struct json *json, char bracket); /* '}' or ']' */
void json_key(struct json *json, const char *key);
void json_text(struct json *json, struct slice value);
/* The key too; nothing where it is empty. */
void json_text_if_any(struct json *json, const char *key, struct slice value);
void json_int(struct json *json, int64_t value);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);
void json_raw(struct json *json, const char *value); /* a number already in JSON's form */

#endif
