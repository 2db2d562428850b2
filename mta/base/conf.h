/* conf.h - a YAML file as a tree of maps, lists and raw scalars, each with its place in the file.
 *
 * YAML's implicit types play no part: a scalar is the text somebody wrote (`on`, `4.10` and `12:30`
 * hold no surprise), and what it means is for a table of keys to say. Aliases (`*name`) and merged
 * keys (`<<`) are resolved: what they bring keeps the place where it was written, and a node may so
 * be reached by several ways. Trees are never changed once read.
 *
 * Bounds     everything has one, so that no file can take memory or time without end: bytes, bytes
 *            of a line, depth, and nodes, counted as if every alias were written out.
 * Ownership  text, filename and nodes belong to the arena.
 * Errors     diagnostics with their place; a file that cannot be read is a struct error. */
#ifndef MTALAB_CONF_H
#define MTALAB_CONF_H

#include "base/diag.h"
#include "base/error.h"

enum {
    CONF_FILE_BYTES_MAX = 64 * 1024 * 1024,
    CONF_LINE_BYTES_MAX = 1024 * 1024,
    CONF_NODES_MAX = 1000 * 1000,
    CONF_DEPTH_MAX = 32,
};

enum conf_kind { CONF_SCALAR, CONF_LIST, CONF_MAP };

struct conf_node;

struct conf_pair {
    struct slice key;
    struct mark key_mark;
    const struct conf_node *value;
};

struct conf_node {
    enum conf_kind kind;
    bool is_flow;      /* written as […] or {…} */
    bool is_quoted;    /* in '…' or "…" */
    bool is_absent;    /* nothing was written behind the key; a scalar without text */
    uint8_t height;    /* 1 for a scalar */
    uint32_t weight;   /* nodes in it, aliases written out */
    struct mark mark;  /* of the text, behind its quote; of a block: of its first key or item */
    struct slice text; /* CONF_SCALAR: without quotes and escapes */
    size_t count;
    const struct conf_pair *pairs;        /* CONF_MAP, in the order written */
    const struct conf_node *const *items; /* CONF_LIST */
    const struct conf_node *base; /* what this map extends, if it was made by merging two files */
};

/* The value of `key`, or NULL. */
const struct conf_node *conf_find(const struct conf_node *map, const char *key);
const struct conf_pair *conf_find_pair(const struct conf_node *map, struct slice key);

/* What may be read of a file. */
struct conf_bounds {
    size_t file_bytes_max, line_bytes_max;
};

/* Is it UTF-8 without bytes that only binary files have, and within the bounds? If not, one
 * diagnostic says so. */
bool conf_check_text(const char *filename, struct slice text, const struct conf_bounds *bounds,
    struct diagnostics *diagnostics);

/* A document from memory. NULL: there were errors. The text must live as long as the arena, and so
 * must the filename; it is added to the diagnostics. */
const struct conf_node *conf_parse(
    const char *filename, struct slice text, struct arena *arena, struct diagnostics *diagnostics);

enum conf_read_status {
    CONF_READ,
    CONF_NOT_FOUND,  /* there is no such file */
    CONF_UNREADABLE, /* there is, but it cannot be read: *err says why */
    CONF_TOO_LARGE,  /* *err says by what, and `mark` where */
};

/* A whole file or pipe, in memory of the arena. What is beyond the bounds is not read. */
enum conf_read_status conf_read_file(const char *filename, const struct conf_bounds *bounds,
    struct arena *arena, struct slice *text, struct mark *mark, struct error *err);

/* A filename as the file `from` means it: relative to its directory. In the arena. */
const char *filename_beside(struct arena *arena, const char *from, struct slice name);

/* Reads and parses. NULL: there were errors; when the file is not there or cannot be read at all,
 * they are in `err` and not in the diagnostics (err->kind is ERROR_NONE otherwise). */
const struct conf_node *conf_load(
    const char *filename, struct arena *arena, struct diagnostics *diagnostics, struct error *err);

#endif
