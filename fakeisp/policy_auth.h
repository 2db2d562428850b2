/* policy_auth.h - the inside of authentication, for the files that share it: policy_auth.c runs a
 * check, policy_auth_dkim.c, policy_auth_spf.c and policy_auth_dmarc.c judge, each from what DNS has
 * answered so far. What they find missing is on the wish list of the check, and they are asked again. */
#ifndef MTALAB_POLICY_AUTH_H
#define MTALAB_POLICY_AUTH_H

#include "fakeisp/auth.h"
#include "fakeisp/lookups.h"

struct dkim_verifier;
struct spf_judge;

struct auth {
    const struct auth_config *config;
    struct loop *loop;
    struct lookups *lookups;
    struct dkim_verifier *verifier;
    struct spf_judge *spf;
};

struct auth_check {
    struct auth *auth;
    struct auth_mail mail;
    struct auth_results *results;
    struct text content; /* as it came through: plain, and changed on the way */
    struct slice from;   /* domain of the first From; in `content` */
    struct wishes wishes;
    unsigned rounds_count;
    timer_fn *fn;
    void *arg;
};

/* The TXT answer at `name`, or NULL (then it is wished for). */
const struct dns_answer *auth_txt(struct auth_check *check, struct slice name);

struct dkim_verifier *dkim_verifier_new(const struct auth_config *config);
void dkim_verifier_free(struct dkim_verifier **verifier);
void auth_judge_dkim(struct auth_check *check);

struct spf_judge *spf_judge_new(void);
void spf_judge_free(struct spf_judge **judge);
void auth_judge_spf(struct auth_check *check);

void auth_judge_dmarc(struct auth_check *check); /* after the other two */

/* policy_auth_model.c: a signature of smtp/dkim_model.h; `record` is that of its key. */
enum dkim_result dkim_model_judge(struct auth_check *check, const struct dns_answer *record,
    struct slice signature, struct slice tags);

#endif
