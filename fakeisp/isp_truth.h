/* isp_truth.h - the inside of a provider, for isp_truth.c alone. */
#ifndef MTALAB_ISP_TRUTH_H
#define MTALAB_ISP_TRUTH_H

#include "fakeisp/policy.h"

struct policies *isp_policies(struct isp *isp);
int64_t isp_now_us(const struct isp *isp);

#endif
